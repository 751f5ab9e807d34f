"""How often an object is looked at: when it is new, when what is known is old, when it came nearer.

A pure decision; times are the source's own. What is known of a track is kept with it, within bounds.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from edged.model.detection import Detection

_MOST_TRACKS = 512
_MOST_LABELS = 1000
_KEPT_US = 60_000_000
"""What was not seen for so long does not come back under the same id."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class CadenceRule:
    """When a track is looked at again, and how many objects at once."""

    every_us: int | None
    """After this time; None: never for its age."""
    grow: float | None
    """When its box has so many times the area it had; None: never for its size."""
    most: int
    """Objects in one run; the others wait for the next."""


@dataclass(slots=True)
class _Track(Generic[T]):
    first_us: int
    seen_us: int
    looked_us: int | None = None
    area: float = 0.0
    """Of its box when it was looked at."""
    known: T | None = None


class Cadence(Generic[T]):
    """What is known of the tracks of one source, and which of them to look at now."""

    def __init__(self, rule: CadenceRule) -> None:
        self._rule = rule
        self._tracks: OrderedDict[int, _Track[T]] = OrderedDict()
        """The least recently seen first."""
        self._tracked: set[str] = set()
        """Labels that a tracker follows: one without an id is not confirmed yet, and not looked at."""

    def __len__(self) -> int:
        return len(self._tracks)

    def see(self, detections: Iterable[Detection], now_us: int) -> None:
        """Take note of who is there; what was not seen for a minute is forgotten."""
        for detection in detections:
            if detection.track_id is None:
                continue
            track = self._tracks.setdefault(detection.track_id, _Track(now_us, now_us))
            track.seen_us = now_us
            self._tracks.move_to_end(detection.track_id)
            if len(self._tracked) < _MOST_LABELS:
                self._tracked.add(detection.label)
        while self._tracks and self._is_past(next(iter(self._tracks.values())), now_us):
            self._tracks.popitem(last=False)

    def choose(self, candidates: Sequence[Detection], now_us: int) -> tuple[list[int], int]:
        """Which of ``candidates`` (indexes) to look at now, and how many have to wait for the next run.

        Never looked at comes first, the longest there before the others, then the oldest results. One
        without a track id is looked at in each run, unless a tracker follows its label. `see` them first.
        """
        due = [
            (since, place)
            for place, detection in enumerate(candidates)
            if (since := self._due_since(detection, now_us)) is not None
        ]
        due.sort()
        return [place for _, place in due[: self._rule.most]], max(len(due) - self._rule.most, 0)

    def known(self, detection: Detection) -> T | None:
        """What was learnt of its track; None: nothing, or it has none."""
        track = self._tracks.get(detection.track_id) if detection.track_id is not None else None
        return None if track is None else track.known

    def learn(self, detection: Detection, known: T, now_us: int) -> None:
        """Keep what is ``known`` of its track now; without a track nothing is kept."""
        track = self._tracks.get(detection.track_id) if detection.track_id is not None else None
        if track is not None:
            track.known, track.looked_us, track.area = known, now_us, _area(detection)

    def reset(self) -> None:
        """Forget everybody."""
        self._tracks.clear()
        self._tracked.clear()

    def _due_since(self, detection: Detection, now_us: int) -> tuple[int, int] | None:
        """The lower, the more urgent: (0, first seen) or (1, last looked at). None: not now."""
        if detection.track_id is None:
            return None if detection.label in self._tracked else (0, now_us)
        track = self._tracks.get(detection.track_id)
        if track is None or track.looked_us is None:
            return 0, now_us if track is None else track.first_us
        every, grow = self._rule.every_us, self._rule.grow
        is_old = every is not None and now_us - track.looked_us >= every
        has_grown = grow is not None and _area(detection) >= grow * track.area
        return (1, track.looked_us) if is_old or has_grown else None

    def _is_past(self, track: _Track[T], now_us: int) -> bool:
        too_many = len(self._tracks) > _MOST_TRACKS and track.seen_us < now_us
        return too_many or now_us - track.seen_us > _KEPT_US


def _area(detection: Detection) -> float:
    x_min, y_min, x_max, y_max = detection.box
    return (x_max - x_min) * (y_max - y_min)
