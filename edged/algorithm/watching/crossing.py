"""Who crosses a line, and which way: once for each real crossing, though boxes jitter.

An object has to be clearly on one side, by a margin, and then clearly on the other. What counts is
where its path went through the line meanwhile: a path around the line's end is no crossing. Nothing
here depends on how often somebody looks, so gaps of seconds are crossed like any other step.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from edged.algorithm.watching.polygons import ON_EDGE

MOST_LABELS = 100
"""That are counted apart: labels may be free text, such as number plates."""


class Direction(StrEnum):
    """Across a line, looking from its first point to its second as the picture is seen."""

    IN = "in"
    """From its left to its right."""
    OUT = "out"


@dataclass(slots=True)
class _Path:
    """An object's way since it was clearly on one side."""

    x: float
    y: float
    offset: float
    """Of the last place, see `Crossings.offset`."""
    side: int
    """Where it was clearly, the last time: -1 left, 1 right, 0 nowhere yet."""
    through: int = 0
    """How often it went through the line to the right since, less how often to the left."""


class Crossings:
    """The objects near one line; remembers each until told to forget it.

    Places are in a plane whose unit is the same in both directions, y growing downwards.
    """

    def __init__(self, begin: tuple[float, float], end: tuple[float, float]) -> None:
        """Two different points."""
        self._x, self._y = begin
        across, down = end[0] - begin[0], end[1] - begin[1]
        self._length = math.hypot(across, down)
        self._across, self._down = across / self._length, down / self._length
        self._paths: dict[int, _Path] = {}

    def __len__(self) -> int:
        return len(self._paths)

    def lies_as(self, other: Crossings) -> bool:
        """Whether both are of the same line of the plane."""
        mine, its = ((line._x, line._y, line._length, line._across) for line in (self, other))
        return mine == its

    def offset(self, x: float, y: float) -> float:
        """How far a place lies from the line, drawn out at both ends: positive to its right."""
        return self._across * (y - self._y) - self._down * (x - self._x)

    def observe(self, track_id: int, x: float, y: float, margin: float) -> Direction | None:
        """Object ``track_id`` is at (x, y), clear of the line if it is farther off than ``margin``. Returns
        the crossing that is complete with that, if any.
        """
        offset = self.offset(x, y)
        side = 0 if abs(offset) <= margin else int(math.copysign(1, offset))
        path = self._paths.get(track_id)
        if path is None:
            self._paths[track_id] = _Path(x, y, offset, side)
            return None
        if (offset >= 0) != (path.offset >= 0) and self._passes(path, x, y, offset):
            path.through += 1 if offset >= 0 else -1
        path.x, path.y, path.offset = x, y, offset
        if side == 0:
            return None
        crossed = path.side not in (0, side) and path.through * side > 0
        path.side, path.through = side, 0
        if not crossed:
            return None
        return Direction.IN if side > 0 else Direction.OUT

    def forget(self, track_id: int) -> None:
        """It is gone."""
        self._paths.pop(track_id, None)

    def _passes(self, path: _Path, x: float, y: float, offset: float) -> bool:
        """Whether the step to (x, y), which changes sides, goes between the line's ends."""
        share = path.offset / (path.offset - offset)
        met_x, met_y = path.x + share * (x - path.x), path.y + share * (y - path.y)
        along = self._across * (met_x - self._x) + self._down * (met_y - self._y)
        return -ON_EDGE <= along <= self._length + ON_EDGE


class Tally:
    """How many crossed a line, each way: in all, and of each label."""

    def __init__(self) -> None:
        self._all = dict.fromkeys(Direction, 0)
        self._labels: dict[str, dict[Direction, int]] = {}

    @classmethod
    def of(cls, counts: Mapping[str, Any]) -> Tally:
        """One that goes on from what `counts` told; from 0 for an empty one."""
        tally = cls()
        tally._all = _read(counts)
        labels = list(counts.get("labels", {}).items())[:MOST_LABELS]
        tally._labels = {label: _read(each) for label, each in labels}
        return tally

    def add(self, direction: Direction, label: str) -> None:
        """One more. After `MOST_LABELS` labels those that are new count in all only."""
        self._all[direction] += 1
        if label in self._labels or len(self._labels) < MOST_LABELS:
            self._labels.setdefault(label, dict.fromkeys(Direction, 0))[direction] += 1

    def counts(self) -> dict[str, Any]:
        """As the contract has it: ``{"in": 2, "out": 1, "labels": {"person": {"in": 2, "out": 1}}}``."""
        labels = {label: _plain(self._labels[label]) for label in sorted(self._labels)}
        return {**_plain(self._all), "labels": labels}


def _read(counts: Mapping[str, Any]) -> dict[Direction, int]:
    return {direction: int(counts.get(direction.value, 0)) for direction in Direction}


def _plain(numbers: dict[Direction, int]) -> dict[str, int]:
    return {direction.value: number for direction, number in numbers.items()}
