"""Objects that a tracker knows again: where each was seen last, and how it moves. Bounded."""

from __future__ import annotations

from dataclasses import dataclass, field

from edged.algorithm.ground import Motion, Velocity
from edged.model.detection import Detection

_REMEMBERED_US = 60_000_000
"""After which an object that is not seen again is forgotten."""
_MOST = 20_000
"""That are remembered at once; those not seen for longest go first."""


@dataclass(slots=True)
class Sighting:
    """The last one of an object."""

    detection: Detection
    seen_us: int
    motion: Motion = field(default_factory=Motion)

    def moved(self, place_m: tuple[float, float] | None) -> Velocity | None:
        """How it moves, now that it stands at ``place_m`` on the ground; None: nobody knows where."""
        if place_m is not None:
            self.motion.observe(self.seen_us, *place_m)
        return self.motion.velocity


class Sightings:
    """The last sighting of each object, by track id."""

    def __init__(self) -> None:
        self._last: dict[int, Sighting] = {}
        """Those not seen for longest first."""

    def __len__(self) -> int:
        return len(self._last)

    @property
    def track_ids(self) -> tuple[int, ...]:
        return tuple(self._last)

    def __getitem__(self, track_id: int) -> Sighting:
        return self._last[track_id]

    def see(self, track_id: int, detection: Detection, now_us: int) -> Sighting:
        """It is seen now."""
        sighting = self._last.pop(track_id, None)
        if sighting is None:
            sighting = Sighting(detection, now_us)
        else:
            sighting.detection, sighting.seen_us = detection, now_us
        self._last[track_id] = sighting
        return sighting

    def overdue(self, now_us: int) -> list[int]:
        """Those to forget: not seen for a minute, or too many."""
        too_many = len(self._last) - _MOST
        due = []
        for place, (track_id, sighting) in enumerate(self._last.items()):
            if place >= too_many and now_us - sighting.seen_us <= _REMEMBERED_US:
                break
            due.append(track_id)
        return due

    def forget(self, track_id: int) -> Sighting:
        """The last one of an object that will not come back."""
        return self._last.pop(track_id)

    def forget_motion(self) -> None:
        """The ground is another one now."""
        for sighting in self._last.values():
            sighting.motion = Motion()
