"""Objects that a tracker knows again: where each was seen last, and how it moves. Bounded."""

from __future__ import annotations

from dataclasses import dataclass, field

from edged.algorithm.watching.travel import Travel, Velocity
from edged.model.detection import Detection

REMEMBERED_US = 60_000_000
"""After which an object that is not seen again is forgotten."""
MOST_OBJECTS = 20_000
"""That are remembered at once; those not seen for longest go first."""


@dataclass(slots=True)
class KnownObject:
    """An object as it was seen last."""

    detection: Detection
    seen_us: int
    travel: Travel = field(default_factory=Travel)

    def moved(self, place_m: tuple[float, float] | None) -> Velocity | None:
        """How it moves, now that it stands at ``place_m`` on the ground; None: nobody knows where."""
        if place_m is not None:
            self.travel.observe(self.seen_us, *place_m)
        return self.travel.velocity


class KnownObjects:
    """All that are remembered, by track id."""

    def __init__(self) -> None:
        self._objects: dict[int, KnownObject] = {}
        """Those not seen for longest first."""

    def __len__(self) -> int:
        return len(self._objects)

    @property
    def track_ids(self) -> tuple[int, ...]:
        return tuple(self._objects)

    def __getitem__(self, track_id: int) -> KnownObject:
        return self._objects[track_id]

    def see(self, track_id: int, detection: Detection, now_us: int) -> KnownObject:
        """It is seen now."""
        known = self._objects.pop(track_id, None)
        if known is None:
            known = KnownObject(detection, now_us)
        else:
            known.detection, known.seen_us = detection, now_us
        self._objects[track_id] = known
        return known

    def overdue(self, now_us: int) -> list[int]:
        """Those to forget: not seen for a minute, or too many."""
        too_many = len(self._objects) - MOST_OBJECTS
        due = []
        for place, (track_id, known) in enumerate(self._objects.items()):
            if place >= too_many and now_us - known.seen_us <= REMEMBERED_US:
                break
            due.append(track_id)
        return due

    def forget(self, track_id: int) -> KnownObject:
        """It will not come back: what was known of it."""
        return self._objects.pop(track_id)

    def forget_travel(self) -> None:
        """The ground is another one now."""
        for known in self._objects.values():
            known.travel = Travel()
