"""What the capture's thread has to do with recording: keep packets, and hand them on."""

from __future__ import annotations

import logging
import time

from av import Packet
from av.video.stream import VideoStream

from edged.capture.counters import Counters
from edged.capture.opening import OpenSource
from edged.capture.recording.keeping import Keeping
from edged.capture.recording.kept import why_not
from edged.capture.recording.orders import (
    MOST_CLIPS,
    BeginClip,
    Cut,
    EndClip,
    FinishLeftovers,
    ProlongClip,
    Record,
)
from edged.capture.recording.post import Post
from edged.capture.recording.ring import MOST_BYTES, PacketRing
from edged.capture.recording.writing import Writing
from edged.model.capturing import CaptureSpec, ClipReport, ClipRequest
from edged.model.gauges import CaptureGauge
from edged.supervise.channel import Channel

_HANGS_NS = 10_000_000_000
_STOP_S = 1.5
_MASKED = (
    "the source has masks, and would be recorded as it comes, with what they hide: take the masks out, or"
    " have the camera itself hide it"
)
_HANGS = "the disk does not answer; what comes meanwhile is lost"
_CLIPS_WAIT = f"{MOST_CLIPS} clips of this source wait for the disk already: ask again later"
_SLOW = "the disk is too slow for what comes: some is lost"


log = logging.getLogger("edged.capture")


class Recorder:
    """Between `begin` and `cut` it is given every packet of the source's pictures. Nothing here waits."""

    def __init__(self, channel: Channel, counters: Counters) -> None:
        self._post = Post(channel)
        self._writing = Writing(self._post)
        self._counters = counters
        self._ring = PacketRing()
        self._spec: CaptureSpec | None = None
        self._origin: tuple[str, str] | None = None
        self._record = Record("", None)
        self._clips: dict[int, ClipRequest] = {}
        """Of the specification, that were begun or refused."""
        self._swept = ""
        self._source: OpenSource | None = None
        self._keeping: Keeping | None = None
        """Of the source, from the first packet on that is kept."""
        self._problem = ""
        """Why packets of what is open cannot be kept."""
        self._reason = ""
        """Of them, or of the specification, that was said."""
        self._wanted = False
        self._is_short_said = False

    # ---- what main says ----

    def apply(self, spec: CaptureSpec) -> None:
        """The newest specification; costs nothing when it is the one before."""
        if spec is self._spec:
            return
        self._spec = spec
        origin = (spec.source, spec.url)
        if spec.masks or not spec.enabled or origin != self._origin:
            self._ring.clear()
        if (spec.masks or not spec.enabled) and self._wanted:
            self._writing.put(Cut())
        self._origin = origin
        self._ring.keep_s = spec.buffer_s
        asks = spec.buffer_s > 0 or bool(spec.clips) or spec.recording is not None
        self._wanted = asks and spec.enabled and not spec.masks
        if not self._wanted:
            self._ring.clear()
        self._sweep(spec)
        self._set_record(spec)
        self._set_clips(spec)

    def _sweep(self, spec: CaptureSpec) -> None:
        if spec.folder and spec.folder != self._swept:
            self._swept = spec.folder
            self._writing.start()
            self._writing.put(FinishLeftovers(spec.folder))

    def _set_record(self, spec: CaptureSpec) -> None:
        wanted = Record(spec.folder, spec.recording)
        if spec.recording is None or not self._wanted:
            wanted = Record(spec.folder, None)
        if wanted != self._record:
            self._record = wanted
            self._writing.start()
            self._writing.put(wanted)
        self._say_why_not()

    def _say_why_not(self) -> None:
        spec = self._spec
        is_asked = spec is not None and spec.recording is not None
        reason = ""
        if spec is not None and is_asked:
            reason = _MASKED if spec.masks else self._problem
        if reason or not is_asked or self._post.error == self._reason:
            self._post.recorder(reason)
        self._reason = reason

    def _set_clips(self, spec: CaptureSpec) -> None:
        wanted = {request.id: request for request in spec.clips}
        for number in self._clips.keys() - wanted.keys():
            del self._clips[number]
            self._writing.put(EndClip(number))
        for number, request in wanted.items():
            before = self._clips.get(number)
            self._clips[number] = request
            if before is None:
                self._begin_clip(request, spec)
            elif before != request:
                self._writing.put(ProlongClip(request))

    def _begin_clip(self, request: ClipRequest, spec: CaptureSpec) -> None:
        code, error = self._refusal(spec)
        if code:
            self._post.clip(ClipReport(request.id, code, error))
            return
        self._writing.start()
        backlog = self._ring.since(request.at_ns - int(request.before_s * 1e9))
        if not self._writing.orders.begin(BeginClip(request, backlog)):
            self._post.clip(ClipReport(request.id, "busy", _CLIPS_WAIT))

    def _refusal(self, spec: CaptureSpec) -> tuple[str, str]:
        """Code and reason; empty: none."""
        if spec.masks:
            return "not_allowed", _MASKED
        if not spec.enabled:
            return "source_failed", "the source is switched off"
        if self._problem:
            return "source_failed", self._problem
        if len(self._clips) > MOST_CLIPS:
            return "busy", f"{MOST_CLIPS} clips of this source are being made: ask again later"
        return "", ""

    # ---- packets ----

    def begin(self, source: OpenSource) -> None:
        """A source was opened."""
        self._problem = why_not(source.context.name)
        self._source = source
        self._keeping = None
        self._say_why_not()

    def take(self, packet: Packet[VideoStream], at_ns: int, *, keyframe: bool) -> None:
        """The next packet in the order of decoding; ``at_ns``: when its picture counts as captured."""
        if not self._wanted or self._problem or self._source is None:
            return
        if self._keeping is None:
            self._keeping = Keeping(self._source)
        kept = self._keeping.keep(packet, at_ns, keyframe=keyframe)
        self._ring.add(kept)
        if self._ring.shortened and not self._is_short_said:
            self._is_short_said = True
            log.warning(
                "%d MB hold less than the %g s that are wanted of this source before its clips",
                MOST_BYTES // 1_000_000,
                self._ring.keep_s,
            )
        if self._record.recording is not None or self._clips:
            if not self._writing.orders.offer(kept) and self._record.recording is not None:
                self._post.recorder(_HANGS if self._hangs(time.monotonic_ns()) else _SLOW)
            self._counters.set(CaptureGauge.UNRECORDED, self._writing.lost)

    def cut(self) -> None:
        """The source is about to be closed."""
        self._source = self._keeping = None
        self._problem = ""
        if self._wanted:
            self._writing.put(Cut())

    def look(self, now_ns: int) -> None:
        """Called now and then: does the disk answer?"""
        self._post.flush()
        if self._record.recording is not None and self._hangs(now_ns):
            self._post.recorder(_HANGS)

    def _hangs(self, now_ns: int) -> bool:
        busy_ns = self._writing.busy_ns
        return bool(busy_ns) and now_ns - busy_ns > _HANGS_NS

    def close(self) -> None:
        """End all files, as far as the disk lets it within a second or two."""
        self._ring.clear()
        self._writing.stop(_STOP_S)
