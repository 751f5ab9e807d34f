"""Where tracked objects were in the last seconds: remembered at every run, for pictures made seldom."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from edged.model.detection import Detection
from edged.model.frame import FrameHeader
from edged.model.scene import Point

LENGTH_US = 5_000_000
"""A place is forgotten after so long, on the source's clock."""
_STEP_US = 100_000
"""Runs that follow each other sooner add nothing that could be seen."""
_MOST_OBJECTS = 300
"""Of one run. With the two above it bounds what a lane remembers: 51 times 300 places."""

_Step: TypeAlias = tuple[int, list[tuple[int, tuple[float, float, float, float]]]]
"""pts in microseconds; track id and box of each object."""


@dataclass(frozen=True, slots=True)
class Trail:
    """One object's way, oldest place first."""

    track_id: int
    places: tuple[Point, ...]
    """Where its box stood: the middle of its lower edge."""
    ages: tuple[float, ...]
    """Of each place: 0 now, 1 about to be forgotten."""


class Trails:
    """Of one job on one source. Belongs to the thread that runs it; `now` may be given to any."""

    def __init__(self) -> None:
        self._steps: deque[_Step] = deque()
        self._epoch: int | None = None
        self._last_us = 0

    def saw(self, header: FrameHeader, detections: Sequence[Detection]) -> None:
        """What a run found on this frame. A new epoch, or a clock that went back, begins anew."""
        passed_us = header.pts_us - self._last_us
        if header.epoch != self._epoch or passed_us < 0:
            self._steps.clear()
        elif passed_us < _STEP_US and self._steps:
            return
        self._epoch, self._last_us = header.epoch, header.pts_us
        tracked = [(one.track_id, one.box) for one in detections[:_MOST_OBJECTS] if one.track_id is not None]
        if tracked or self._steps:
            self._steps.append((header.pts_us, tracked))
        while self._steps and header.pts_us - self._steps[0][0] > LENGTH_US:
            self._steps.popleft()

    def now(self, header: FrameHeader, detections: Iterable[Detection] = ()) -> tuple[Trail, ...]:
        """As they lie on a picture of this frame, which shows ``detections``; one place is no trail."""
        here = [(one.track_id, one.box) for one in detections if one.track_id is not None]
        steps = [step for step in self._steps if step[0] < header.pts_us]
        if header.epoch != self._epoch:
            return ()
        ways: dict[int, list[tuple[float, Point]]] = {}
        for pts_us, tracked in (*steps, (header.pts_us, here)):
            age = (header.pts_us - pts_us) / LENGTH_US
            for track_id, (x_min, _, x_max, y_max) in tracked:
                ways.setdefault(track_id, []).append((age, ((x_min + x_max) / 2, y_max)))
        return tuple(
            Trail(track_id, tuple(place for _, place in way), tuple(age for age, _ in way))
            for track_id, way in ways.items()
            if len(way) > 1
        )
