"""How many commands run at once: each lane has places to run in and places to wait in, and no more.

Lanes, so that what takes long (a patch that is proved for minutes) keeps nobody waiting but its like.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Lane:
    """First come, first served; whoever finds no room is turned away at once (`busy`)."""

    def __init__(self, running: int, waiting: int) -> None:
        self._running = asyncio.Semaphore(running)
        self._most = running + waiting
        self.present = 0
        """Who runs, waits, or was cancelled and has not ended yet."""

    @property
    def has_room(self) -> bool:
        return self.present < self._most

    def enter(self) -> None:
        """Be present from now on, until `leave`."""
        self.present += 1

    def leave(self) -> None:
        self.present -= 1

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Wait for a place to run in, and hold it."""
        async with self._running:
            yield


class Budget:
    """A token bucket: so many a second, and a few more at once."""

    def __init__(self, rate_hz: float, burst: int) -> None:
        self._rate_hz = rate_hz
        self._burst = burst
        self._left = float(burst)
        self._at_s = 0.0

    def spend(self, now_s: float) -> bool:
        """Take one, if there is one; ``now_s`` is monotonic."""
        self._left = min(self._burst, self._left + max(0.0, now_s - self._at_s) * self._rate_hz)
        self._at_s = max(self._at_s, now_s)
        if self._left < 1:
            return False
        self._left -= 1
        return True
