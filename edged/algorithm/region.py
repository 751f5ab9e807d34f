"""A part of the picture: a polygon, and which points lie in it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from edged.algorithm.frame import WHOLE, Box
from edged.algorithm.watching.polygons import Polygons
from edged.errors import AlgorithmError
from edged.model.plane import has_area
from edged.model.scene import Point


@dataclass(frozen=True, slots=True)
class Region:
    """A polygon in fractions of the frame; without corners it is the whole frame."""

    corners: tuple[Point, ...] = ()

    @classmethod
    def of(cls, given: object) -> Region:
        """Of a list: a box ``x_min, y_min, x_max, y_max`` or the corners of a polygon; None: the whole frame.

        Raises `AlgorithmError` for what is neither, is outside the frame or has no area.
        """
        if given is None:
            return cls()
        corners = _corners(given)
        if len(corners) < 3 or any(not 0 <= each <= 1 for corner in corners for each in corner):
            raise AlgorithmError(
                "must be a box [x_min, y_min, x_max, y_max] or a list of at least 3 points [x, y], "
                "all in fractions of the frame, 0 to 1",
                code="invalid",
            )
        if not has_area(corners):
            raise AlgorithmError("must have an area", code="invalid")
        return cls(corners)

    @property
    def box(self) -> Box:
        """Around it."""
        if not self.corners:
            return WHOLE
        xs, ys = zip(*self.corners, strict=True)
        return min(xs), min(ys), max(xs), max(ys)

    def holds(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which of ``points`` ``(n, 2)``, in fractions, lie in it or on its edge; see `Polygons`."""
        if not self.corners:
            return np.ones(len(points), dtype=np.bool_)
        return _polygon(self.corners).measure(points)[0][:, 0]


@lru_cache(maxsize=64)
def _polygon(corners: tuple[Point, ...]) -> Polygons:
    return Polygons({"region": corners}, 1.0)


def _corners(given: object) -> tuple[Point, ...]:
    """Empty for what is neither a box nor points."""
    if not isinstance(given, list | tuple):
        return ()
    if len(given) == 4 and all(_is_number(each) for each in given):
        left, top, right, bottom = given
        if left >= right or top >= bottom:
            raise AlgorithmError(
                "must be [x_min, y_min, x_max, y_max]: the smaller ones come first", code="invalid"
            )
        return (left, top), (right, top), (right, bottom), (left, bottom)
    if not all(isinstance(each, list | tuple) and len(each) == 2 for each in given):
        return ()
    return tuple((x, y) for x, y in given if _is_number(x) and _is_number(y))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
