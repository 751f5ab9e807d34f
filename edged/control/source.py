"""One source as main sees it: its capture process, its track, its state and its counters."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol

from edged.control.tracks import FrameTrackDesk
from edged.control.views import SourceView
from edged.model.capturing import (
    CaptureSpec,
    ClipReport,
    ClipRequest,
    Demand,
    RecorderReport,
    ResumePoint,
    SourceReport,
    SourceState,
    TrackRequest,
)
from edged.model.gauges import CaptureCounters, CaptureGauge, KeyframeGain
from edged.supervise.channel import Packet
from edged.supervise.heartbeat import Heartbeat
from edged.supervise.process import ChildExit, ProcessKind
from edged.supervise.supervisor import Supervisor
from edged.supervise.wire import Decoder

_DECODER = Decoder((SourceReport, TrackRequest, ClipReport, RecorderReport))
_LIVE_FIELDS = ("revision", "demand", "resume", "masks", "fps", "buffer_s", "recording", "clips")
"""Fields of a `CaptureSpec` that main has a running capture take over.

For any other, a new URL say, main replaces the process. A capture would take that over too, once it
hears of it: while its old URL hangs in opening that can be many seconds, and a kill is quicker.
"""

log = logging.getLogger("edged.source")


class ClipMaker(Protocol):
    """Who asks captures for clips, and waits for them."""

    def wanted_of(self, source: str) -> tuple[ClipRequest, ...]:
        """The requests that stand in the specification of a capture."""

    def reported(self, source: str, report: ClipReport) -> None: ...

    def capture_died(self, source: str, death: ChildExit) -> None: ...


class SourceControl:
    """Owns the capture of one source. Told what should be; tells ``on_change`` what is."""

    def __init__(
        self,
        spec: CaptureSpec,
        supervisor: Supervisor,
        kind: ProcessKind,
        on_change: Callable[[SourceControl], None],
        on_frame_track: Callable[[SourceControl], None],
    ) -> None:
        self.spec = spec
        self.desk = FrameTrackDesk(spec.source)
        self.clips: ClipMaker | None = None
        """Without, nobody asks for any."""
        self._recorder = RecorderReport()
        self._report = self._told = SourceReport(SourceState.STARTING)
        self.since_wall_ns = time.time_ns()
        self._supervisor = supervisor
        self._kind = kind
        self._on_change = on_change
        self._on_frame_track = on_frame_track
        self._past = CaptureCounters()
        self._frames_before: int | None = 0
        """Those that came before it was specified as it is; None: the capture before still ends."""
        self._resume: ResumePoint | None = None
        self._rate = _Rate()
        self._decoding = _Rate()
        self._listening = False
        """Whether what its capture says counts: not that of one that is just stopping."""
        self.process = f"capture:{spec.source}"

    # ---- what should be ----

    def start(self) -> None:
        if self.spec.enabled:
            self._listening = True
            self._supervisor.start(self.process, self._kind, self)
        else:
            self._set(SourceReport(SourceState.PAUSED))

    def stop(self) -> None:
        """End its capture and let go of its track, at both ends."""
        self._listening = False
        self._supervisor.stop(self.process)
        self.desk.forget_format()
        self._on_frame_track(self)

    def apply(self, spec: CaptureSpec, *, afresh: bool = False) -> None:
        """Take over another specification; what is running stays so if it can. ``afresh``: what failed is
        tried again."""
        spec = replace(spec, demand=self.spec.demand)
        before, self.spec = self.spec, spec
        is_tried_again = self.report.state is SourceState.FAILED and (afresh or spec != before)
        if spec.enabled != before.enabled:
            self._count_from_its_end()
            self.stop()
            self.start()
        elif _needs_new_process(before, spec) or is_tried_again:
            self.restart()
        elif spec != before:
            self._frames_before = self.counters().frames
            self._send_spec()

    def restart(self) -> None:
        """Another process in place of its capture."""
        self._count_from_its_end()
        self._supervisor.restart(self.process)

    def set_readers(self, reaches: Mapping[str, int], demand: Demand) -> None:
        """Which workers read its frames, how deep their windows are, and which frames they need."""
        if demand != self.spec.demand:
            self.spec = replace(self.spec, demand=demand)
            self._send_spec()
        if self.desk.set_readers(reaches, demand) or self.desk.error:
            self._offer()

    def refresh_clips(self) -> None:
        """Others are wanted of it, or longer ones."""
        self._send_spec()

    def retry(self) -> None:
        """Try again what main itself could not do for it; called every now and then."""
        if self.desk.retry():
            self._offer()

    # ---- what is ----

    @property
    def report(self) -> SourceReport:
        """What the capture says, unless main has no memory to put its frames into."""
        if self.desk.error and self._report.state is SourceState.RUNNING:
            return replace(self._report, state=SourceState.RETRYING, error=self.desk.error, again_ns=0)
        return self._report

    @property
    def recording(self) -> RecorderReport | None:
        """How that of all it sends is doing; None: it is not wanted."""
        return self._recorder if self.spec.recording is not None and self.spec.enabled else None

    def view(self) -> SourceView:
        """As it is specified now; what a capture that still ends did is left out."""
        before, report = self._frames_before, self.report
        if before is None:
            state = SourceState.STARTING if self.spec.enabled else SourceState.PAUSED
            return SourceView(self.spec.source, state, self.spec.enabled)
        return SourceView(
            name=self.spec.source,
            state=report.state,
            enabled=self.spec.enabled,
            error=report.error,
            frames=self.counters().frames - before,
            is_capture_alive=self._supervisor.is_running(self.process),
        )

    def counters(self) -> CaptureCounters:
        """Since the daemon's start, over replaced captures. Costs no message."""
        heartbeat = self._supervisor.heartbeat(self.process)
        return self._past if heartbeat is None else _sum(self._past, heartbeat)

    def measured_fps(self) -> float:
        """Frames per second over the last seconds; call it about once a second or less often."""
        return self._rate.measure(self.counters().frames)

    def keyframe_gain(self) -> KeyframeGain | None:
        """What decoding only keyframes would save, by the last seconds; None until a second keyframe came."""
        counters = self.counters()
        if counters.keyframes < 2:
            return None
        share = min(counters.keyframes / counters.packets, 1.0)
        cores = self._decoding.measure(counters.decode_ns) / 1e9
        demand = self.spec.demand
        in_full = cores > 0 and not demand.nothing and not demand.keyframes_only
        return KeyframeGain(share, cores * (1 - share) if in_full else None)

    def on_start(self, name: str) -> None:
        self.desk.forget_format()
        self._send_spec()

    def on_packet(self, name: str, packet: Packet) -> None:
        for fd in packet.fds:
            os.close(fd)
        message = _DECODER.decode(packet.body)
        if isinstance(message, ClipReport) and self.clips is not None:
            self.clips.reported(self.spec.source, message)  # also of one that stops: the file is there
        if not self._listening:
            return
        if isinstance(message, SourceReport):
            self._set(message)
        elif isinstance(message, TrackRequest):
            self.desk.set_format(message.format)
            self._offer()
        elif isinstance(message, RecorderReport):
            self._set_recorder(message)

    def on_exit(self, death: ChildExit, heartbeat: Heartbeat) -> None:
        self._resume = _resume_point(heartbeat, self._resume)
        had_frames = heartbeat.gauges[CaptureGauge.FRAMES] > 0
        self._recorder = RecorderReport()
        if self.clips is not None:
            self.clips.capture_died(self.spec.source, death)
        self._past = _sum(self._past, heartbeat)
        if self._frames_before is None:
            self._frames_before = self._past.frames
        if had_frames and not death.ordered:
            self._past = replace(self._past, reconnects=self._past.reconnects + 1)
        if death.ordered and death.wanted:
            self._set(replace(self._report, state=SourceState.STARTING, error="", again_ns=0))
        elif death.wanted:
            away, again_ns = SourceState.RETRYING, self._supervisor.next_start_ns(self.process)
            error = f"capture {death.reason}"
            self._set(replace(self._report, state=away, error=error, again_ns=again_ns))

    def _count_from_its_end(self) -> None:
        """Frames that its capture, which is about to end, still brings are not those of the next."""
        is_running = self._supervisor.is_running(self.process)
        self._frames_before = None if is_running else self.counters().frames

    def _send_spec(self) -> None:
        spec = replace(self.spec, resume=self._resume)
        if self.clips is not None:
            spec = replace(spec, clips=self.clips.wanted_of(spec.source))
        self._supervisor.send(self.process, spec)

    def _offer(self) -> None:
        track = self.desk.track
        if track is not None:
            self._supervisor.send(self.process, track.offer, track.capture_fds())
        self._on_frame_track(self)
        if self.report != self._told:
            self._set(self._report)

    def _set_recorder(self, report: RecorderReport) -> None:
        if report != self._recorder:
            level = logging.WARNING if report.error else logging.INFO
            log.log(level, "%s: recording: %s", self.spec.source, report.error or "all that comes")
            self._recorder = report
            self._on_change(self)

    def _set(self, capture_says: SourceReport) -> None:
        self._report = capture_says
        before, self._told = self._told, self.report
        if self._told.state is not before.state:
            self.since_wall_ns = time.time_ns()
        if (self._told.state, self._told.error) != (before.state, before.error):
            error = self._told.error
            level = logging.WARNING if error else logging.INFO
            log.log(level, "%s: %s%s", self.spec.source, self._told.state, f": {error}" if error else "")
        self._on_change(self)


def _needs_new_process(before: CaptureSpec, after: CaptureSpec) -> bool:
    fixed = (name for name in after.__slots__ if name not in _LIVE_FIELDS)
    return any(getattr(after, name) != getattr(before, name) for name in fixed)


class _Rate:
    """A rate from a counter, over the time since it was last asked for."""

    def __init__(self) -> None:
        self._count = 0
        self._at = time.monotonic()
        self._rate = 0.0

    def measure(self, count: int) -> float:
        now = time.monotonic()
        if not self._count:  # it begins with the first frame, not with the daemon
            self._count, self._at = count, now
        elif now - self._at >= 1.0:
            self._rate = max(0, count - self._count) / (now - self._at)
            self._count, self._at = count, now
        return self._rate


def _sum(past: CaptureCounters, heartbeat: Heartbeat) -> CaptureCounters:
    gauges = heartbeat.gauges
    return CaptureCounters(
        frames=past.frames + gauges[CaptureGauge.FRAMES],
        decoded=past.decoded + gauges[CaptureGauge.DECODED],
        copied=past.copied + gauges[CaptureGauge.COPIED],
        dropped=past.dropped + gauges[CaptureGauge.DROPPED],
        reconnects=past.reconnects + gauges[CaptureGauge.RECONNECTS],
        last_frame_ns=gauges[CaptureGauge.LAST_FRAME_NS] or past.last_frame_ns,
        packets=past.packets + gauges[CaptureGauge.PACKETS],
        keyframes=past.keyframes + gauges[CaptureGauge.KEYFRAMES],
        decode_ns=past.decode_ns + gauges[CaptureGauge.DECODE_NS],
    )


def _resume_point(heartbeat: Heartbeat, before: ResumePoint | None) -> ResumePoint | None:
    gauges = heartbeat.gauges
    if not gauges[CaptureGauge.LAST_FRAME_NS]:
        return before
    return ResumePoint(
        epoch=gauges[CaptureGauge.EPOCH],
        index=gauges[CaptureGauge.INDEX],
        key_index=gauges[CaptureGauge.KEY_INDEX],
        pts_us=gauges[CaptureGauge.PTS_US],
        captured_ns=gauges[CaptureGauge.LAST_FRAME_NS],
    )
