"""When to try again: pure, given what happened.

A broker that lets us in and throws us out at once must not be visited every second for ever, so only a
connection that lasted forgets the past. Where only a person can help, and where coming back would throw
another client out, the pace is slow from the start.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from edged.mqtt.failure import FailureKind
from edged.supervise.backoff import Backoff

STABLE_S = 10.0
"""A connection that lasted so long was a good one."""
_SHORT_LIVES = 2
"""So many connections in a row that broke right after CONNACK look like another client with our id: not every
broker says so (Mosquitto 2.0.11 just closes)."""
_SLOW = (FailureKind.REFUSED, FailureKind.TAKEN_OVER)


class RetryPolicy:
    """Full jitter, 1 to 60 s; 10 s to 2 min where it cannot help to hurry."""

    def __init__(self, draw: Callable[[float, float], float] = random.uniform) -> None:
        self._usual = Backoff(1.0, 60.0, draw=draw)
        self._slow = Backoff(30.0, 120.0, floor_s=10.0, draw=draw)
        self._short_lives = 0

    @property
    def looks_contested(self) -> bool:
        """Several connections in a row broke right after they were accepted."""
        return self._short_lives >= _SHORT_LIVES

    def lived(self, connected_s: float) -> None:
        """A connection ended that had lasted so long."""
        if connected_s < STABLE_S:
            self._short_lives += 1
            return
        self._usual.reset()
        self._slow.reset()
        self._short_lives = 0

    def delay_s(self, kind: FailureKind) -> float:
        """The wait before the next attempt."""
        slow = kind in _SLOW or self.looks_contested
        return (self._slow if slow else self._usual).next_delay_s()
