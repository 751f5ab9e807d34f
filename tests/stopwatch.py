"""Limits of time that are promised of a machine that keeps up, measured on one that other tests use too."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

HANGS_S = 60.0
"""After so long nothing will come any more, also on a busy machine."""
CALM_S = 0.2
"""Who waited for a core less than this was not hindered."""


class Stopwatch:
    """Runs from when it is made. Time in which something here waited for a core is not counted.

    So a limit is strict where there are cores enough, and says little where there are not: the kernel
    tells only that somebody waited (pressure stall information of the CPU), not who.
    """

    def __init__(self) -> None:
        self._began_s = time.monotonic()
        self._waited_s = _waited_s()

    @property
    def crowded_s(self) -> float:
        """How much of the time was left out."""
        return min(_waited_s() - self._waited_s, self.wall_s)

    @property
    def wall_s(self) -> float:
        return time.monotonic() - self._began_s

    @property
    def calm_s(self) -> float:
        """What counts of the time until now."""
        return self.wall_s - self.crowded_s

    def is_within(self, limit_s: float) -> bool:
        """Whether the limit is not over yet; it is at last, however busy the machine."""
        return self.calm_s < limit_s and self.wall_s < limit_s + HANGS_S


def calm_clock_s() -> float:
    """Seconds on a clock that stands still while something here waits for a core."""
    return time.monotonic() - _waited_s()


def _waited_s() -> float:
    """Since the machine's start; 0 where the kernel does not tell."""
    with contextlib.suppress(OSError):
        some = Path("/proc/pressure/cpu").read_text().splitlines()[0]
        return int(some.rpartition("total=")[2]) / 1e6
    return 0.0
