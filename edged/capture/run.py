"""The life of a capture process: open, play, and open again; the one place that decides about retries."""

from __future__ import annotations

import logging
import time

from edged.capture.clock import Gap, SourceClock
from edged.capture.controls import Controls
from edged.capture.counters import Counters
from edged.capture.handshake import Handshake
from edged.capture.opening import LoginRefused, OpenSource, open_source
from edged.capture.pacing import Pacer
from edged.capture.playing import Ending, Parts, Playing, opening_key
from edged.capture.reconnect import Reconnect
from edged.capture.recording.recorder import Recorder
from edged.capture.reporting import Reporter
from edged.capture.sink import FrameSink
from edged.capture.sources import plan_open
from edged.errors import SourceUnavailable, SourceUnsupported
from edged.model.capturing import CaptureSpec, SourceState
from edged.supervise.channel import Channel
from edged.supervise.heartbeat import Heartbeat

_IDLE_S = 60.0
_CLOSE_S = 5.0

log = logging.getLogger("edged.capture")


def run(channel: Channel, heartbeat: Heartbeat) -> None:
    """Capture one source until `Stop`. The first message is its `CaptureSpec`.

    Raises `ChannelClosed` when main is gone and `TrackError` when the track is not what main said.
    """
    controls = Controls(channel)
    counters = Counters(heartbeat)
    sink = FrameSink(Handshake(channel, controls), counters)
    recorder = Recorder(channel, counters)
    parts = Parts(controls, heartbeat, counters, Reporter(channel), SourceClock(), Pacer(), sink, recorder)
    try:
        if controls.wait_for_spec():
            Capture(parts).run()
    finally:
        recorder.close()
        sink.close()
        controls.close()
        heartbeat.rest()


class Capture:
    """One source through all its openings."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._controls = parts.controls
        self._reporter = parts.reporter
        self._reconnect = Reconnect()
        self._steady_s = 0.0

    def run(self) -> None:
        """Blocks until `Stop`."""
        spec = self._controls.spec
        if spec.resume is not None:
            self._parts.clock.resume(spec.resume)
        self._reporter.state_is(SourceState.STARTING)
        while not self._controls.stopping:
            self._run_once(self._controls.spec)

    def _run_once(self, spec: CaptureSpec) -> None:
        self._parts.recorder.apply(spec)
        if not spec.enabled:
            self._reporter.state_is(SourceState.PAUSED)
            self._idle(spec)
            return
        self._steady_s = 0.0
        try:
            ending = self._open_and_play(spec)
        except SourceUnsupported as error:
            self._reporter.state_is(SourceState.FAILED, str(error))
            self._idle(spec)
        except SourceUnavailable as error:
            self._parts.clock.begin_epoch(Gap.ELAPSED)
            refused = isinstance(error, LoginRefused)
            delay_s = self._reconnect.delay_s(spec.timeout_s, self._steady_s, refused=refused)
            until_ns = time.monotonic_ns() + int(delay_s * 1e9)
            self._reporter.state_is(SourceState.RETRYING, str(error), again_ns=until_ns)
            self._wait(spec, until_ns)
        else:
            self._after(ending)

    def _open_and_play(self, spec: CaptureSpec) -> Ending:
        plan = plan_open(spec)
        self._parts.heartbeat.beat("open", 2 * plan.open_timeout_s + 2.0, source=spec.source)
        source = open_source(plan, spec)
        playing = Playing(source, spec, self._parts)
        try:
            return playing.run()
        finally:
            if playing.first_picture_ns:
                self._steady_s = (time.monotonic_ns() - playing.first_picture_ns) / 1e9
            self._close(source, spec)

    def _close(self, source: OpenSource, spec: CaptureSpec) -> None:
        self._parts.recorder.cut()
        self._parts.heartbeat.beat("close", _CLOSE_S, source=spec.source)
        source.close()

    def _after(self, ending: Ending) -> None:
        spec = self._controls.spec
        if ending is Ending.CHANGED:
            self._parts.clock.begin_epoch(Gap.ELAPSED)
            self._reporter.state_is(SourceState.STARTING)
        elif ending is Ending.ENDED:
            self._parts.clock.begin_epoch(Gap.NONE)
            if not spec.loop:
                self._reporter.state_is(SourceState.ENDED)
                self._idle(spec)

    def _idle(self, spec: CaptureSpec) -> None:
        """Until main says something that is worth another try."""
        self._parts.heartbeat.rest()
        while not self._is_news(spec):
            self._controls.wait(_IDLE_S)
            self._hear()

    def _wait(self, spec: CaptureSpec, until_ns: int) -> None:
        for_s = (until_ns - time.monotonic_ns()) / 1e9
        self._parts.heartbeat.beat("retry", for_s + _CLOSE_S, source=spec.source)
        while time.monotonic_ns() < until_ns and not self._is_news(spec):
            self._controls.wait_until(until_ns)
            self._hear()

    def _hear(self) -> None:
        """While nothing is open."""
        self._reporter.flush()
        self._parts.recorder.apply(self._controls.spec)
        self._parts.recorder.look(time.monotonic_ns())

    def _is_news(self, spec: CaptureSpec) -> bool:
        now = self._controls.spec
        asks = (opening_key(now), now.loop, now.size) != (opening_key(spec), spec.loop, spec.size)
        return self._controls.stopping or asks
