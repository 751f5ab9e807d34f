"""One source as main sees it: its capture process, its track, its state and its counters."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from edged.control.tracks import TrackDesk
from edged.model.gauges import CaptureCounters, CaptureGauge
from edged.model.messages import CaptureSpec, Demand, ResumePoint, SourceReport, SourceState, TrackRequest
from edged.supervise.channel import Packet
from edged.supervise.heartbeat import Heartbeat
from edged.supervise.process import ChildExit, ProcessKind
from edged.supervise.supervisor import Supervisor
from edged.supervise.wire import Decoder

_DECODER = Decoder((SourceReport, TrackRequest))
_LIVE_FIELDS = ("revision", "demand", "resume", "masks", "fps")
"""Fields of a `CaptureSpec` that a running capture takes over; any other needs a new process."""

log = logging.getLogger("edged.source")


class SourceControl:
    """Owns the capture of one source. Told what should be; tells ``on_change`` what is."""

    def __init__(
        self,
        spec: CaptureSpec,
        supervisor: Supervisor,
        kind: ProcessKind,
        on_change: Callable[[SourceControl], None],
        on_track: Callable[[SourceControl], None],
    ) -> None:
        self.spec = spec
        self.desk = TrackDesk(spec.source)
        self.report = SourceReport(SourceState.STARTING)
        self.since_wall_ns = time.time_ns()
        self._supervisor = supervisor
        self._kind = kind
        self._on_change = on_change
        self._on_track = on_track
        self._past = CaptureCounters()
        self._resume: ResumePoint | None = None
        self._rate = _Rate()
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
        self._on_track(self)

    def apply(self, spec: CaptureSpec) -> None:
        """Take over another specification; what is running stays so if it can, what failed is tried again."""
        spec = replace(spec, demand=self.spec.demand)
        before, self.spec = self.spec, spec
        if spec.enabled != before.enabled:
            self.stop()
            self.start()
        elif _needs_new_process(before, spec) or self.report.state is SourceState.FAILED:
            self._supervisor.restart(self.process)
        elif spec != before:
            self._send_spec()

    def set_readers(self, reaches: Mapping[str, int], demand: Demand) -> None:
        """Which workers read its frames, how deep their windows are, and which frames they need."""
        if demand != self.spec.demand:
            self.spec = replace(self.spec, demand=demand)
            self._send_spec()
        if self.desk.set_readers(reaches):
            self._offer()

    # ---- what is ----

    def counters(self) -> CaptureCounters:
        """Since the daemon's start, over replaced captures. Costs no message."""
        heartbeat = self._supervisor.heartbeat(self.process)
        return self._past if heartbeat is None else _sum(self._past, heartbeat)

    def measured_fps(self) -> float:
        """Frames per second over the last seconds; call it about once a second or less often."""
        return self._rate.measure(self.counters().frames)

    def on_start(self, name: str) -> None:
        self.desk.forget_format()
        self._send_spec()

    def on_packet(self, name: str, packet: Packet) -> None:
        for fd in packet.fds:
            os.close(fd)
        if not self._listening:
            return
        message = _DECODER.decode(packet.body)
        if isinstance(message, SourceReport):
            self._set(message)
        elif isinstance(message, TrackRequest) and self.desk.set_format(message.format):
            self._offer()

    def on_exit(self, death: ChildExit, heartbeat: Heartbeat) -> None:
        self._resume = _resume_point(heartbeat, self._resume)
        self._past = _sum(self._past, heartbeat)
        if death.ordered and death.wanted:
            self._set(replace(self.report, state=SourceState.STARTING, error=""))
        elif death.wanted:
            self._set(replace(self.report, state=SourceState.RETRYING, error=f"capture {death.reason}"))

    def _send_spec(self) -> None:
        self._supervisor.send(self.process, replace(self.spec, resume=self._resume))

    def _offer(self) -> None:
        track = self.desk.track
        if track is not None:
            self._supervisor.send(self.process, track.offer, track.capture_fds())
        self._on_track(self)

    def _set(self, report: SourceReport) -> None:
        if report.state is not self.report.state:
            self.since_wall_ns = time.time_ns()
        if (report.state, report.error) != (self.report.state, self.report.error):
            level = logging.WARNING if report.error else logging.INFO
            log.log(
                level, "%s: %s%s", self.spec.source, report.state, f": {report.error}" if report.error else ""
            )
        self.report = report
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
        if now - self._at >= 1.0:
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
