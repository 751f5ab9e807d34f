"""How long to wait before trying again: exponential with full jitter.

Full jitter (a delay drawn evenly from the whole range) spreads a fleet that lost the same camera
server or broker at the same moment; see "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
"""

from __future__ import annotations

import random
from collections.abc import Callable


class Backoff:
    """Draws delays; knows no clock and never sleeps.

    The first delay after a `reset` is drawn from 0 to ``initial_s``, each next range is twice as
    wide up to ``max_s``, and no delay is shorter than ``floor_s``, so that nothing loops hot.
    """

    def __init__(
        self,
        initial_s: float,
        max_s: float,
        *,
        floor_s: float = 0.1,
        draw: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._initial_s = initial_s
        self._max_s = max_s
        self._floor_s = floor_s
        self._draw = draw
        self.attempts = 0
        """Delays drawn since the last reset."""

    def next_delay_s(self) -> float:
        """The delay before the next attempt, in seconds."""
        width_s = min(self._max_s, self._initial_s * 2.0 ** min(self.attempts, 32))
        self.attempts += 1
        return max(self._floor_s, self._draw(0.0, width_s))

    def reset(self) -> None:
        """It works again: start from the shortest range."""
        self.attempts = 0
