"""Decals on planes: scaled and converted once for each, then laid on any number of pictures."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from edged.algorithm.color import mixing_matrix
from edged.algorithm.drawing import Decal
from edged.model.frame import FrameFormat

_Part = tuple[slice, slice]
_Plane = NDArray[np.uint8]


class Transfer:
    """One decal, for pictures of one format."""

    def __init__(self, decal: Decal, layout: FrameFormat) -> None:
        """``decal`` is not empty. ``layout`` is that of the pictures."""
        self.decal = decal
        self.layout = layout
        matrix = mixing_matrix(layout.color_range, layout.color_matrix)
        mixed = np.asarray(cv2.transform(decal.pixels, matrix), dtype=np.uint8)
        luma, blue, red = (_whole(decal, mixed[..., number]) for number in range(3))
        opacity = _whole(decal, decal.pixels[..., 3])
        full = (layout.width, layout.height)
        half = (layout.chroma_width, layout.chroma_height)
        sizes = ((luma, full), (blue, half), (red, half))
        self._inks = tuple(_ink(plane, opacity, size) for plane, size in sizes)

    def onto(self, planes: Sequence[_Plane]) -> None:
        """Y, U and V in the format; only the rectangle that was painted is touched."""
        for plane, (part, ink, rest) in zip(planes, self._inks, strict=True):
            below = plane[part]
            if not below.size:
                continue  # so small or faint that nothing is left of it in a smaller picture
            plane[part] = cv2.add(cv2.multiply(below, rest, scale=1 / 255), ink)


def _whole(decal: Decal, part: _Plane) -> _Plane:
    """Of the size that was drawn on, with zeros around ``part``."""
    plane = np.zeros((decal.height, decal.width), dtype=np.uint8)
    rows, columns = part.shape
    plane[decal.top : decal.top + rows, decal.left : decal.left + columns] = part
    return plane


def _ink(plane: _Plane, opacity: _Plane, size: tuple[int, int]) -> tuple[_Part, _Plane, _Plane]:
    """Where something is, what is added there, and how much of what is below stays, 0-255."""
    is_smaller = size[0] < plane.shape[1] or size[1] < plane.shape[0]
    how = cv2.INTER_AREA if is_smaller else cv2.INTER_LINEAR
    ink, cover = (cv2.resize(each, size, interpolation=how) for each in (plane, opacity))
    left, top, columns, rows = cv2.boundingRect(cover)
    part = (slice(top, top + rows), slice(left, left + columns))
    return part, np.ascontiguousarray(ink[part]), np.ascontiguousarray(255 - cover[part])
