"""When to try again: pure, given what happened.

A fleet that lost its broker at one moment must neither come back at one moment nor stay away for long when
it is there again. That asks for opposite things: with 99 % back within 5 s, one in five comes in the busiest
second whatever is done. So, for a broker that is away, the first wait is drawn from the whole of 4.5 s, which
spreads the fleet, and the next ones are nearly as long as that, which keeps it spread: at any moment of an
outage a fleet's attempts come evenly, and each device is back within 4.5 s. (Simulated for 1000 clients and
outages of 0 to 300 s: p99 4.5 s, at most 28 % in the busiest second. Exponential full jitter of 1 to 60 s:
p99 17 s after 5 s away, 54 s after 300 s, and all in one second after a restart that takes no time.)
An attempt is a look-up and a refused connection, so this is kept up for 7 minutes; who is away for longer is
visited ever more rarely, up to a minute.

A broker that is there and has too much to do is not helped by that pace: it sees exponential full jitter from
the start. One that lets us in and throws us out at once must not be visited for ever either, so only a
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
_SOONEST_S = 0.1
_USUAL_S = 4.5
_SPREAD_S = 0.3
"""Between the shortest and the longest of the usual waits but the first."""
_USUAL_ATTEMPTS = 100
_SHORT_LIVES = 2
"""So many connections in a row that broke right after CONNACK look like another client with our id: not every
broker says so (Mosquitto 2.0.11 just closes)."""
_SLOW = (FailureKind.REFUSED, FailureKind.TAKEN_OVER)
_OVERLOADED = (FailureKind.SILENT, FailureKind.BUSY)


class RetryPolicy:
    """4.5 s at most for 7 minutes; up to 1 min after that and where it is overloaded; 10 s to 2 min where
    it cannot help to hurry."""

    def __init__(self, draw: Callable[[float, float], float] = random.uniform) -> None:
        self._draw = draw
        self._usual_attempts = 0
        self._patient = Backoff(5.0, 60.0, draw=draw)
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
        self._usual_attempts = 0
        self._patient.reset()
        self._slow.reset()
        self._short_lives = 0

    def delay_s(self, kind: FailureKind) -> float:
        """The wait before the next attempt."""
        if kind is FailureKind.UNREACHABLE:
            self._short_lives = 0  # the broker itself was away, so it was no other client that threw us out
        if kind in _SLOW or self.looks_contested:
            return self._slow.next_delay_s()
        if kind in _OVERLOADED or self._usual_attempts >= _USUAL_ATTEMPTS:
            return self._patient.next_delay_s()
        self._usual_attempts += 1
        soonest_s = _SOONEST_S if self._usual_attempts == 1 else _USUAL_S - _SPREAD_S
        return self._draw(soonest_s, _USUAL_S)
