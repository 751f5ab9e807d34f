"""Which points lie in which polygons, and how far from their edges: all points and all polygons at once.

Plane geometry in fractions of the frame, x stretched by the frame's shape so that distances are the
same in every direction: the unit is the frame's height.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from edged.errors import AlgorithmError
from edged.model.plane import has_area
from edged.model.scene import Point

Points: TypeAlias = NDArray[np.float64]
"""``(n, 2)``: x and y in units of the frame's height, y growing downwards."""

ON_EDGE = 1e-9
"""Nearer than this is on the edge, whatever the rounding."""
_MOST_PAIRS = 1_000_000
"""Points times edges that are measured at once: bounds memory."""


def to_plane(points: Sequence[Point] | NDArray[np.float64], aspect: float) -> Points:
    """Fractions of a frame that is ``aspect`` times as wide as it is high, in units of its height."""
    return np.asarray(points, dtype=np.float64).reshape(-1, 2) * (aspect, 1.0)


class Polygons:
    """Several polygons by name, closed by themselves; a polygon that crosses itself is even-odd.

    Even-odd: a point is inside if a ray from it crosses the edges an odd number of times. So both
    halves of a bow tie are inside, and what a polygon winds around twice is not.
    """

    def __init__(self, polygons: Mapping[str, Sequence[Point]], aspect: float) -> None:
        """``polygons``: corners of each, fractions. Raises `AlgorithmError` for one without area."""
        self.names = tuple(polygons)
        corners = [to_plane(points, aspect) for points in polygons.values()]
        for name, points in zip(self.names, corners, strict=True):
            if not has_area(points.tolist()):
                raise AlgorithmError(
                    f"zone {name!r} has no area: its corners lie on one line; give three that do not"
                )
        sizes = [len(points) for points in corners]
        self._firsts = np.cumsum([0, *sizes[:-1]]) if sizes else np.zeros(0, dtype=np.intp)
        empty = np.zeros((0, 2))
        self._begins = np.concatenate([empty, *corners])
        self._spans = np.concatenate([empty, *(np.roll(points, -1, axis=0) for points in corners)])
        self._spans -= self._begins
        lengths = np.square(self._spans).sum(axis=1)
        self._shares = self._spans / np.where(lengths > 0, lengths, 1.0)[:, None]
        rises = self._spans[:, 1]
        self._slopes = self._spans[:, 0] / np.where(rises == 0, 1.0, rises)

    def measure(self, points: Points) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        """For ``points`` (n, 2): whether each lies inside, and its distance to the edge, both (n, polygons).

        A point on the edge is inside.
        """
        if not self.names:
            return np.zeros((len(points), 0), dtype=np.bool_), np.zeros((len(points), 0))
        step = max(1, _MOST_PAIRS // len(self._begins))
        if len(points) <= step:
            return self._measure(points)
        parts = [self._measure(points[first : first + step]) for first in range(0, len(points), step)]
        return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])

    def _measure(self, points: Points) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        across = points[:, :1] - self._begins[:, 0]
        down = points[:, 1:] - self._begins[:, 1]
        beside = (down < 0) != (down < self._spans[:, 1])
        beside &= across < down * self._slopes
        inside = np.logical_xor.reduceat(beside, self._firsts, axis=1)
        along = np.clip(across * self._shares[:, 0] + down * self._shares[:, 1], 0.0, 1.0)
        squares = np.square(across - along * self._spans[:, 0]) + np.square(down - along * self._spans[:, 1])
        distances = np.sqrt(np.minimum.reduceat(squares, self._firsts, axis=1))
        return inside | (distances <= ON_EDGE), distances
