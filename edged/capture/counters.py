"""A capture's gauges, as the capture writes them."""

from __future__ import annotations

from edged.capture.clock import SourceClock
from edged.model.gauges import CaptureGauge
from edged.supervise.heartbeat import Heartbeat


class Counters:
    """Counts on the heartbeat page, where main reads at any time, also after this process died."""

    def __init__(self, heartbeat: Heartbeat) -> None:
        self._gauges = heartbeat.gauges

    def add(self, gauge: CaptureGauge, amount: int = 1) -> None:
        self._gauges[gauge] += amount

    def set(self, gauge: CaptureGauge, value: int) -> None:
        self._gauges[gauge] = value

    def get(self, gauge: CaptureGauge) -> int:
        return self._gauges[gauge]

    def frame(self, clock: SourceClock, captured_ns: int) -> None:
        """One more frame of the source, seen or passed over: where the clock stands now.

        The time comes last: whoever finds it set finds the rest.
        """
        gauges = self._gauges
        gauges[CaptureGauge.FRAMES] += 1
        gauges[CaptureGauge.EPOCH] = clock.epoch
        gauges[CaptureGauge.INDEX] = clock.index
        gauges[CaptureGauge.KEY_INDEX] = max(clock.key_index, 0)
        gauges[CaptureGauge.PTS_US] = clock.pts_us
        gauges[CaptureGauge.LAST_FRAME_NS] = captured_ns
