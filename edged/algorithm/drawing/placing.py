"""Where plates go so that they can be read: inside the picture and never over each other. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Rect: TypeAlias = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels; right and bottom lie outside."""
_NOTHING: NDArray[np.int64] = np.empty((0, 4), dtype=np.int64)
_FAR_SIDES = np.array((1, 1, -1, -1), dtype=np.int64)


class Room:
    """What is still free of a picture."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height
        self._taken: NDArray[np.int64] = np.empty((64, 4), dtype=np.int64)
        """`_sides_of` each."""
        self._count = 0

    def take(self, rect: Rect) -> None:
        """Nothing else is placed here."""
        if self._count == len(self._taken):
            self._taken = np.concatenate((self._taken, np.empty_like(self._taken)))
        left, top, right, bottom = rect
        self._taken[self._count] = right, bottom, -left, -top
        self._count += 1

    def find(
        self, size: tuple[int, int], corners: Iterable[tuple[int, int]], avoid: NDArray[np.int64] = _NOTHING
    ) -> tuple[int, int] | None:
        """The first of ``corners`` (left, top) where ``size`` (width, height) is inside and free; takes it.

        A place that is too far to the left or the right is moved in. One that covers nothing of ``avoid``,
        ``(n, 4)`` rects, comes before all that do.
        """
        width, height = size
        most_left = self.width - width
        if most_left < 0:
            return None
        lowest = self.height - height
        inside = []
        for x, top in corners:
            if 0 <= top <= lowest:
                left = 0 if x < 0 else min(x, most_left)
                inside.append((left, top, left + width, top + height))
        place = self._first_free(inside, avoid)
        if place is None:
            return None
        self.take(place)
        return place[:2]

    def _first_free(self, rects: Sequence[Rect], avoid: NDArray[np.int64]) -> Rect | None:
        if not rects:
            return None
        asked = np.array(rects, dtype=np.int64)
        asked *= _FAR_SIDES
        free = _clear_of(asked, self._taken[: self._count])
        if len(avoid):
            best = free & _clear_of(asked, _sides_of(avoid))
            free = best if best.any() else free
        first = int(free.argmax())
        return rects[first] if free[first] else None


def _sides_of(rects: NDArray[np.int64]) -> NDArray[np.int64]:
    """Of each where what lies beyond it begins: to its right, below, and, negative, to its left and above."""
    return rects[:, (2, 3, 0, 1)] * _FAR_SIDES


def _clear_of(asked: NDArray[np.int64], sides: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which of ``asked``, rects with their right and bottom negative, lie beyond a side of all the others."""
    beyond: NDArray[np.bool_] = asked[:, None] >= sides
    return np.asarray(np.all(np.any(beyond, axis=2), axis=1))


def around(box: Rect, size: tuple[int, int]) -> list[tuple[int, int]]:
    """Where a plate of ``size`` may stand that belongs to ``box``, the best place first.

    Outside, so that it does not hide what it names: above, below, beside; then inside.
    """
    left, top, right, bottom = box
    width, height = size
    middle = (left + right - width) // 2
    return [
        (left, top - height), (right - width, top - height), (middle, top - height),
        (left, bottom), (right - width, bottom),
        (right, top), (left - width, top), (right, bottom - height), (left - width, bottom - height),
        (left, bottom - height), (right - width, bottom - height), (left, max(top, 0)),
        (right - width, max(top, 0)), (middle, (top + bottom - height) // 2),
    ]  # fmt: skip
