"""Who is in a zone, and since when: with patience, so that a jittering box does not come and go.

Pure decisions on times of the source, in microseconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Change(StrEnum):
    """What became of an object in a zone: the type of the event it makes."""

    ENTER = "zone_enter"
    DWELL = "zone_dwell"
    EXIT = "zone_exit"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long something has to last before it counts."""

    enter_us: int = 0
    leave_us: int = 0
    """Since it was inside last: whoever looks seldom need not look twice."""
    dwell_us: int | None = None
    """None: nobody asks how long objects stay."""


@dataclass(slots=True)
class _Stay:
    begun_us: int
    """When it was seen inside first."""
    inside_us: int
    """When it was inside, or near, last."""
    entered: bool = False
    """Whether it was there for long enough."""
    dwelt: bool = False
    outside_us: int | None = None
    """When it was seen outside first, since it was inside last."""


class Occupancy:
    """The objects in one zone; remembers each that is inside until told that it is lost."""

    def __init__(self, patience: Patience) -> None:
        self.patience = patience
        self._stays: dict[int, _Stay] = {}

    def __len__(self) -> int:
        """How many are inside, those not counted who have just come."""
        return sum(stay.entered for stay in self._stays.values())

    @property
    def track_ids(self) -> tuple[int, ...]:
        """Of all that are inside, those who have just come too."""
        return tuple(self._stays)

    def holds(self, track_id: int) -> bool:
        """Whether it is inside."""
        stay = self._stays.get(track_id)
        return stay is not None and stay.entered

    def observe(
        self, track_id: int, now_us: int, *, inside: bool, near: bool
    ) -> tuple[tuple[Change, float], ...]:
        """An object is seen: what changed, and for how many seconds it had been inside by then.

        It has to be ``inside`` to come, and to be neither inside nor ``near`` to go.
        """
        stay = self._stays.get(track_id)
        if stay is None:
            if not inside:
                return ()
            stay = self._stays[track_id] = _Stay(now_us, now_us)
        if not (inside or near):
            return self._outside(track_id, stay, now_us)
        stay.inside_us, stay.outside_us = now_us, None
        passed_us = now_us - stay.begun_us
        changes: list[tuple[Change, float]] = []
        if not stay.entered and passed_us >= self.patience.enter_us:
            stay.entered = True
            changes.append((Change.ENTER, passed_us / 1e6))
        dwell_us = self.patience.dwell_us
        if stay.entered and not stay.dwelt and dwell_us is not None and passed_us >= dwell_us:
            stay.dwelt = True
            changes.append((Change.DWELL, passed_us / 1e6))
        return tuple(changes)

    def lose(self, track_id: int, seen_us: int) -> float | None:
        """An object will not be seen again, and was last at ``seen_us``: the seconds it had been inside;
        None if it was not.
        """
        stay = self._stays.pop(track_id, None)
        if stay is None or not stay.entered:
            return None
        return ((seen_us if stay.outside_us is None else stay.outside_us) - stay.begun_us) / 1e6

    def _outside(self, track_id: int, stay: _Stay, now_us: int) -> tuple[tuple[Change, float], ...]:
        if not stay.entered:
            del self._stays[track_id]
            return ()
        if stay.outside_us is None:
            stay.outside_us = now_us
        if now_us - stay.inside_us < self.patience.leave_us:
            return ()
        del self._stays[track_id]
        return ((Change.EXIT, (stay.outside_us - stay.begun_us) / 1e6),)


class Crowding:
    """Whether there are more than ``limit`` for longer than ``after_us``: told once, until it went back."""

    def __init__(self, limit: int, after_us: int) -> None:
        self.limit = limit
        self._after_us = after_us
        self._over = False
        self._turned_us: int | None = None

    def observe(self, count: int, now_us: int) -> bool:
        """Whether it has become too many now."""
        if (count > self.limit) == self._over:
            self._turned_us = None
            return False
        if self._turned_us is None:
            self._turned_us = now_us
        if now_us - self._turned_us < self._after_us:
            return False
        self._over, self._turned_us = not self._over, None
        return self._over

    def forget_time(self) -> None:
        """The source's clock begins anew."""
        self._turned_us = None
