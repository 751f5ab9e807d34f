"""One opening of a source, played until it ends, is lost or shall be another."""

from __future__ import annotations

import gc
import logging
import time
from dataclasses import dataclass
from enum import Enum

from av import Packet, VideoFrame
from av.video.stream import VideoStream

from edged.capture.clock import Gap, SourceClock
from edged.capture.controls import Controls
from edged.capture.counters import Counters
from edged.capture.decoding import Decoder
from edged.capture.demand import DecodeMode, decode_mode
from edged.capture.lag import LagGuard
from edged.capture.opening import OpenSource
from edged.capture.pacing import Pacer
from edged.capture.recording.recorder import Recorder
from edged.capture.reporting import Reporter
from edged.capture.sink import FrameSink
from edged.capture.stamps import Stamps
from edged.errors import SourceUnavailable, SourceUnsupported
from edged.model.capturing import CaptureSpec, SourceState
from edged.model.frame import FrameFormat
from edged.model.gauges import CaptureGauge
from edged.supervise.heartbeat import Heartbeat

_TRACK_WAIT_S = {True: 5.0, False: 0.5}
"""How long a paced source, and one that is not, is held for the track of its first frame."""
_GLANCE_NS = 1_000_000_000
_NO_PICTURE_NS = 10_000_000_000
_NO_KEYFRAME_NS = 30_000_000_000
"""Where nothing else would be decoded: there are cameras that send one every 20 s."""
_AHEAD_NS = 250_000_000
_POLL_NS = 20_000_000
"""Packets come in bursts; main is heard so often."""
_GRACE_S = 2.0
"""Between the end of a wait and the heartbeat's deadline."""

log = logging.getLogger("edged.capture")


class Ending(Enum):
    STOPPED = "stopped"
    CHANGED = "changed"
    """The specification now names something else to open."""
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Parts:
    """What outlives one opening."""

    controls: Controls
    heartbeat: Heartbeat
    counters: Counters
    reporter: Reporter
    clock: SourceClock
    pacer: Pacer
    """Over all openings, so that a file that loops keeps its pace."""
    sink: FrameSink
    recorder: Recorder


def opening_key(spec: CaptureSpec) -> tuple[object, ...]:
    """What of a specification cannot be changed without opening the source again."""
    return (spec.source, spec.url, spec.transport, spec.timeout_s, spec.hwaccel, spec.enabled)


class Playing:
    """Reads, decodes and paces one opened source. `run` blocks; whoever opened the source closes it."""

    def __init__(self, source: OpenSource, spec: CaptureSpec, parts: Parts) -> None:
        self._source = source
        self._spec = spec
        self._controls = parts.controls
        self._heartbeat = parts.heartbeat
        self._counters = parts.counters
        self._reporter = parts.reporter
        self._clock = parts.clock
        self._sink = parts.sink
        self._recorder = parts.recorder
        self._mode = decode_mode(spec.demand)
        keyframes_only = self._mode is not DecodeMode.EVERY
        self._decoder = Decoder(source.context, parts.counters, keyframes_only=keyframes_only)
        self._pacer = parts.pacer
        self._lag = LagGuard()
        self._lag_level = logging.WARNING
        self._stamps = Stamps(source.microseconds, by_arrival=source.plan.arrival_times)
        self._format: FrameFormat | None = None
        self._ending: Ending | None = None
        self._polled_ns = 0
        self._video_ns = 0
        self.first_picture_ns = 0
        """When pictures began to come; 0: none came."""
        self._picture_ns = 0
        self._tidied: FrameFormat | None = None
        self._lead_ns: int | None = None
        """From a stamp of a paced source, in nanoseconds, to when it is due."""

    def run(self) -> Ending:
        """Raises `SourceUnavailable` when the source is lost, `SourceUnsupported` when it is no use."""
        self._apply(self._spec)
        self._clock.open(live=self._source.plan.live, frame_us=self._source.frame_us)
        self._recorder.begin(self._source)
        self._heartbeat.beat("read", self._patience_s, source=self._spec.source)
        self._video_ns = self._picture_ns = time.monotonic_ns()
        while self._ending is None:
            asked_ns = time.monotonic_ns()
            self._heartbeat.extend(self._patience_s)
            packet = self._source.read()
            now_ns = time.monotonic_ns()
            if now_ns - self._polled_ns > _POLL_NS:
                self._poll(now_ns)
            if packet is None:
                return self._ending or self._end(now_ns)
            if self._source.is_video(packet):
                self._take(packet, now_ns, now_ns - asked_ns)
            self._check_silence(now_ns)
        return self._ending

    @property
    def _patience_s(self) -> float:
        return self._source.plan.read_timeout_s + _GRACE_S

    # ---- what main says ----

    def _poll(self, now_ns: int) -> None:
        self._polled_ns = now_ns
        if self._format is not self._tidied:
            # A picture was asked how it is turned; PyAV has it and its answer keep each other.
            self._tidied = self._format
            gc.collect()
        self._reporter.flush()
        self._recorder.look(now_ns)
        if self._controls.poll():
            self._attend()

    def _attend(self) -> None:
        spec = self._controls.spec
        if self._controls.stopping:
            self._ending = Ending.STOPPED
        elif opening_key(spec) != opening_key(self._spec):
            self._ending = Ending.CHANGED
        elif spec is not self._spec:
            self._apply(spec)
        self._sink.adopt()

    def _apply(self, spec: CaptureSpec) -> None:
        self._spec = spec
        self._mode = decode_mode(spec.demand)
        self._clock.set_cap(spec.fps, among_keyframes=self._mode is DecodeMode.KEYFRAMES)
        self._sink.apply(spec)
        self._recorder.apply(spec)
        self._decoder.keyframes_only = self._mode is not DecodeMode.EVERY

    # ---- packets ----

    def _take(self, packet: Packet[VideoStream], now_ns: int, waited_ns: int) -> None:
        self._video_ns = now_ns
        if packet.size == 0:  # the end: the decoder gives its rest
            self._show(self._decoder.drain(), now_ns)
            return
        keyframe = self._source.is_keyframe(packet)
        self._counters.add(CaptureGauge.PACKETS)
        self._counters.add(CaptureGauge.KEYFRAMES, keyframe)
        self._stamps.note(packet, now_ns, keyframe=keyframe)
        self._recorder.take(packet, self._at_ns(packet, now_ns), keyframe=keyframe)
        if self._skips(packet, now_ns, waited_ns, keyframe=keyframe):
            self._pass_over(packet, now_ns, keyframe=keyframe)
            return
        self._show(self._decoder.decode(packet, keyframe=keyframe), now_ns)

    def _skips(self, packet: Packet[VideoStream], now_ns: int, waited_ns: int, *, keyframe: bool) -> bool:
        if self._decoder.passes_over(keyframe=keyframe):
            return True
        if self._mode is DecodeMode.GLANCE and self._decoder.between_keyframes and self._format is not None:
            return now_ns - self._picture_ns < _GLANCE_NS
        if self._source.plan.paced or not self._source.plan.live:
            return False
        return self._lags(packet, now_ns, waited_ns, keyframe=keyframe)

    def _lags(self, packet: Packet[VideoStream], now_ns: int, waited_ns: int, *, keyframe: bool) -> bool:
        stamp = None if self._source.plan.arrival_times else self._stamps.of_packet(packet, now_ns)
        before = self._lag.skipping
        skips = self._lag.look(stamp, now_ns, waited_ns, keyframe=keyframe)
        if skips and not before:
            # The first time it is news; on a slow device it happens every few seconds.
            log.log(self._lag_level, "decoding is too slow for this source: skipping to where it is now")
            self._lag_level = logging.DEBUG
            self._show(self._decoder.drain(), now_ns)
        if skips:
            self._counters.add(CaptureGauge.DROPPED)
        return skips

    def _pass_over(self, packet: Packet[VideoStream], now_ns: int, *, keyframe: bool) -> None:
        """A frame of the source that is not decoded counts, so that indexes mean the same either way."""
        if self._format is None:
            return
        stamp = self._stamps.of_packet(packet, now_ns)
        if self._clock.tick(stamp, now_ns, keyframe=keyframe):
            captured_ns = self._due(stamp, now_ns)
            self._pace(captured_ns, wanted=False)
            self._count(captured_ns)

    # ---- pictures ----

    def _show(self, frames: list[VideoFrame], now_ns: int) -> None:
        for frame in frames:
            if self._ending is not None:
                return
            self._picture_ns = now_ns
            frame_format = self._sink.prepare(frame)
            if frame_format is not self._format:
                self._introduce(frame, frame_format)
            self._frame(frame, self._stamps.captured_ns(frame, now_ns))

    def _frame(self, frame: VideoFrame, arrived_ns: int) -> None:
        stamp = self._stamps.of_frame(frame, arrived_ns)
        keyframe = bool(frame.key_frame)
        if not self._clock.tick(stamp, arrived_ns, keyframe=keyframe):
            return
        captured_ns = self._due(stamp, arrived_ns)
        header = self._sink.header_if_wanted(self._clock, captured_ns)
        self._pace(captured_ns, wanted=header is not None)
        if self._ending is not None:
            return
        self._count(captured_ns)
        if header is not None:
            self._sink.put(header, frame)

    def _count(self, captured_ns: int) -> None:
        # One that nobody sees may have been decoded before it was due.
        self._counters.frame(self._clock, min(captured_ns, time.monotonic_ns()))

    def _introduce(self, frame: VideoFrame, frame_format: FrameFormat) -> None:
        """The first picture, or the first that looks different."""
        if self._format is None:
            self.first_picture_ns = time.monotonic_ns()
            if self._reporter.state is SourceState.RETRYING and self._counters.get(CaptureGauge.FRAMES):
                self._counters.add(CaptureGauge.RECONNECTS)
        elif frame_format != self._format:
            self._clock.begin_epoch(Gap.ELAPSED if self._source.plan.live else Gap.NONE)
        self._format = frame_format
        self._reporter.picture(
            self._source.context.name,
            frame.width,
            frame.height,
            self._source.fps,
            self._counters.get(CaptureGauge.RECONNECTS),
        )
        self._await_track()

    def _await_track(self) -> None:
        deadline_ns = time.monotonic_ns() + int(_TRACK_WAIT_S[self._source.plan.paced] * 1e9)
        self._sink.adopt()
        while self._sink.needs_track and self._ending is None and time.monotonic_ns() < deadline_ns:
            self._wait_until(deadline_ns)

    def _due(self, stamp: int | None, arrived_ns: int) -> int:
        """When the frame counts as captured: its arrival, or the moment it is due."""
        if not self._source.plan.paced:
            return arrived_ns
        due_ns = self._pacer.due_ns(self._clock.pts_us, time.monotonic_ns())
        self._lead_ns = None if stamp is None else due_ns - stamp * 1000
        return due_ns

    def _at_ns(self, packet: Packet[VideoStream], now_ns: int) -> int:
        """When the picture of a packet will count as captured, as far as it is known by now."""
        stamp = self._stamps.of_packet(packet, now_ns) if self._lead_ns is not None else None
        return now_ns if stamp is None or self._lead_ns is None else stamp * 1000 + self._lead_ns

    def _pace(self, due_ns: int, *, wanted: bool) -> None:
        """Wait for a frame that is not due yet.

        Frames that nobody sees are decoded ahead: many at a time cost a fifth less, because the
        caches are warm, and most wake-ups are saved.
        """
        if not wanted and due_ns - time.monotonic_ns() < _AHEAD_NS:
            return
        while self._ending is None and time.monotonic_ns() < due_ns:
            self._wait_until(due_ns)

    def _wait_until(self, monotonic_ns: int) -> None:
        self._heartbeat.extend(max(monotonic_ns - time.monotonic_ns(), 0) / 1e9 + self._patience_s)
        if self._controls.wait_until(monotonic_ns):
            self._attend()

    # ---- the end ----

    def _check_silence(self, now_ns: int) -> None:
        if not self._source.plan.live or self._source.plan.paced:
            return
        timeout_ns = int(self._spec.timeout_s * 1e9)
        if now_ns - self._video_ns > timeout_ns:
            raise SourceUnavailable(f"no picture for {self._spec.timeout_s:g} s, only other streams")
        self._check_pictures(now_ns - self._picture_ns, timeout_ns)

    def _check_pictures(self, silent_ns: int, timeout_ns: int) -> None:
        if not self._decoder.awaits_keyframe:
            if silent_ns > max(timeout_ns, _NO_PICTURE_NS) and not self._lag.skipping:
                raise SourceUnavailable("what comes cannot be decoded")
            return
        missed = self._format is None or self._mode is DecodeMode.EVERY
        if missed and silent_ns > max(timeout_ns, _NO_KEYFRAME_NS):
            raise SourceUnavailable(f"no keyframe that can be decoded came for {silent_ns / 1e9:.0f} s")

    def _end(self, now_ns: int) -> Ending:
        self._show(self._decoder.drain(), now_ns)
        if self._ending is not None:
            return self._ending
        if self._source.plan.live:
            raise SourceUnavailable("the stream ended")
        if self._format is None:
            raise SourceUnsupported("no picture in it could be decoded")
        return Ending.ENDED
