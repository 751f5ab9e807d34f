"""Monotonic moments on the wall, as the clock stands now."""

from __future__ import annotations

import time


def wall_of(at_ns: int) -> int:
    """The wall time of a moment on the monotonic clock."""
    return time.time_ns() - (time.monotonic_ns() - at_ns)
