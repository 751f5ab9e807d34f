"""Privacy masks: which bytes of an I420 picture are blackened."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edged.model.frame import ColorRange, FrameFormat

Polygon = Sequence[tuple[float, float]]

_GRAY = 128


class Mask:
    """The masks of one source for one format, ready to be put over its frames."""

    def __init__(self, spans: Sequence[tuple[int, int]], first_chroma: int, black: int) -> None:
        self._spans = spans
        self._first_chroma = first_chroma
        self._black = black

    def cover(self, picture: NDArray[np.uint8]) -> None:
        """Blacken in place; ``picture`` is (frame_bytes,) of the format."""
        for start, end in self._spans[: self._first_chroma]:
            picture[start:end] = self._black
        for start, end in self._spans[self._first_chroma :]:
            picture[start:end] = _GRAY


def rasterise(polygons: Sequence[Polygon], frame_format: FrameFormat) -> Mask:
    """``polygons`` in fractions of the frame. A colour sample goes when any pixel it colours goes."""
    inside = np.zeros((frame_format.height, frame_format.width), np.bool_)
    for polygon in polygons:
        inside |= _fill(polygon, frame_format.width, frame_format.height)
    luma = _spans(inside, 0)
    chroma = _halve(inside)
    u = _spans(chroma, frame_format.y_bytes)
    v = _spans(chroma, frame_format.y_bytes + frame_format.chroma_bytes)
    black = 0 if frame_format.color_range is ColorRange.FULL else 16
    return Mask([*luma, *u, *v], len(luma), black)


def _fill(polygon: Polygon, width: int, height: int) -> NDArray[np.bool_]:
    """(height, width): the pixels whose centre is inside, by the even-odd rule."""
    inside = np.zeros((height, width), np.bool_)
    columns = np.arange(width) + 0.5
    rows = np.arange(height) + 0.5
    ends = [(x * width, y * height) for x, y in polygon]
    for (x0, y0), (x1, y1) in zip(ends, [*ends[1:], *ends[:1]], strict=True):
        crossed = (y0 <= rows) != (y1 <= rows)
        if crossed.any():
            at = x0 + (rows[crossed] - y0) * ((x1 - x0) / (y1 - y0))
            inside[crossed] = np.logical_xor(inside[crossed], np.less(columns, at[:, np.newaxis]))
    return inside


def _halve(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    even = np.pad(inside, ((0, inside.shape[0] % 2), (0, inside.shape[1] % 2)))
    rows = even[0::2] | even[1::2]
    return rows[:, 0::2] | rows[:, 1::2]


def _spans(inside: NDArray[np.bool_], offset: int) -> list[tuple[int, int]]:
    """Runs of masked bytes: filling them costs a third of what setting single bytes does."""
    edges = np.flatnonzero(np.diff(inside.ravel(), prepend=False, append=False)) + offset
    bounds = edges.tolist()
    return list(zip(bounds[::2], bounds[1::2], strict=True))
