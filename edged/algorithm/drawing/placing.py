"""Where plates go so that they can be read: inside the picture and never over each other. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Rect: TypeAlias = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels; right and bottom lie outside."""
_NOTHING: NDArray[np.int64] = np.empty((0, 4), dtype=np.int64)


class Room:
    """What is still free of a picture."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height
        self._taken: NDArray[np.int64] = np.empty((64, 4), dtype=np.int64)
        self._count = 0

    def take(self, rect: Rect) -> None:
        """Nothing else is placed here."""
        if self._count == len(self._taken):
            self._taken = np.concatenate((self._taken, np.empty_like(self._taken)))
        self._taken[self._count] = rect
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
        inside = [
            (left, top, left + width, top + height)
            for left, top in ((min(max(left, 0), most_left), top) for left, top in corners)
            if 0 <= top <= self.height - height
        ]
        place = self._first_free(inside, avoid)
        if place is None:
            return None
        self.take(place)
        return place[:2]

    def _first_free(self, rects: Sequence[Rect], avoid: NDArray[np.int64]) -> Rect | None:
        if not rects:
            return None
        asked = np.array(rects, dtype=np.int64)
        free = _clear_of(asked, self._taken[: self._count])
        best = free & _clear_of(asked, avoid)
        if best.any():
            free = best
        return rects[int(free.argmax())] if free.any() else None


def _clear_of(rects: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which of ``rects`` have nothing in common with any of ``others``."""
    left, top, right, bottom = (rects[:, None, side] for side in range(4))
    apart = (
        (left >= others[:, 2]) | (right <= others[:, 0]) | (top >= others[:, 3]) | (bottom <= others[:, 1])
    )
    return np.asarray(apart.all(axis=1))


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
