"""The list of pictures that a `BaseAlgo` is given: each is converted when it is first looked at.

A full-size picture costs more than most of what a frame goes through (1.6 ms of a cold 1080p frame, when
decoding it took 2.5), and many algorithms look at the newest only, or at none. It is a real list in all
that a user can tell: every way in, from Python, numpy or OpenCV, comes by one of these methods.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edged.algorithm.frame import Frame


class _Probe:
    def references(self) -> int:
        return sys.getrefcount(self)


def _references_of_a_caller() -> int:
    """How many references a method counts to an object that only its caller has: interpreters differ."""
    probe = _Probe()
    return probe.references()


_MINE = _references_of_a_caller()


class PictureList(list[NDArray[np.uint8]]):
    """Pictures, oldest first; each is the user's to draw on and to keep.

    ``convert`` makes the picture of a frame, an array of its own; without, it is BGR of the frame's size.
    """

    def __init__(
        self, window: Sequence[Frame], convert: Callable[[Frame], NDArray[np.uint8]] | None = None
    ) -> None:
        super().__init__([None] * len(window))  # type: ignore[list-item]
        self._picture_of: Callable[[Frame], NDArray[np.uint8]] | None = convert
        self._frames: list[Frame | None] = list(window)

    def settle(self) -> None:
        """The frames are about to go: convert what somebody who kept the list may still look at."""
        if sys.getrefcount(self) > _MINE:
            self._convert_all()
        self._frames = []

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        self._convert(index)
        return super().__getitem__(index)

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        place = 0
        while place < len(self):
            yield self[place]
            place += 1

    def _convert(self, index: int) -> None:
        place = index if index >= 0 else index + len(self)
        if not 0 <= place < len(self._frames):
            return
        frame = self._frames[place]
        if frame is not None:
            picture = frame.bgr() if self._picture_of is None else self._picture_of(frame)
            super().__setitem__(place, picture)
            self._frames[place] = None

    def _convert_all(self) -> None:
        for place in range(len(self._frames)):
            self._convert(place)
        self._frames, self._picture_of = [], None


def _converted(name: str) -> Callable[..., Any]:
    """The method of `list` of this name, after everything was converted: it may move or compare items."""
    plain = getattr(list, name)

    def method(self: PictureList, *arguments: Any, **options: Any) -> Any:
        self._convert_all()
        return plain(self, *arguments, **options)

    method.__name__ = name
    return method


for _name in (
    "__add__", "__contains__", "__delitem__", "__eq__", "__ge__", "__gt__", "__iadd__", "__imul__",
    "__le__", "__lt__", "__mul__", "__ne__", "__reduce_ex__", "__repr__", "__reversed__", "__rmul__",
    "__setitem__", "append", "clear", "copy", "count", "extend", "index", "insert", "pop", "remove",
    "reverse", "sort",
):  # fmt: skip
    setattr(PictureList, _name, _converted(_name))
