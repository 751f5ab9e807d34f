"""What is drawn on: a BGR picture, or the planes of a frame, which then need not become one and back.

Each stroke is drawn on every sheet of the canvas: on the one of a BGR picture, or on Y, U and V, each in its
own value of the colour. U and V have half the width and height: whatever of their pixels a line touches gets
the line's colour, so that also thin lines are coloured.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Self, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from edged.algorithm.color import yuv_of
from edged.algorithm.drawing.pen import LIGHT, Bgr, BgrPicture
from edged.algorithm.frame import Frame
from edged.model.frame import FrameFormat

Plane: TypeAlias = NDArray[np.uint8]
"""``(height, width)``; its rows may lie apart."""
Places: TypeAlias = NDArray[np.int32]
"""``(n, 1, 2)``: x and y in pixels, as OpenCV takes them; they may lie outside of the picture."""

_SHIFT = 2
"""Halved places are given in quarters of a pixel."""
_TIP_OF_ARROW = 0.4
"""Of its length."""
_Both: TypeAlias = tuple[Places, Places]
"""The same for a sheet of full size, and for one of half the size in quarters of its pixels."""


@dataclass(frozen=True, slots=True)
class _Sheet:
    """Pixels that are drawn on."""

    pixels: NDArray[np.uint8]
    halved: bool
    """Of half the canvas's width and height, rounded up."""
    ink: Callable[[Bgr], tuple[int, ...]]
    """A colour in the values of its pixels."""

    @property
    def shift(self) -> int:
        """Of the places on it."""
        return _SHIFT if self.halved else 0

    def width_of(self, width_px: int) -> int:
        """Of a line."""
        return (width_px + 1) // 2 if self.halved else width_px


class Canvas:
    """``width`` x ``height`` pixels, changed in place. All places and widths are in pixels of the picture."""

    def __init__(self, width: int, height: int, sheets: Sequence[_Sheet]) -> None:
        self.width = width
        self.height = height
        self._sheets = tuple(sheets)
        self._has_halved = any(sheet.halved for sheet in sheets)

    @classmethod
    def of_picture(cls, picture: BgrPicture) -> Self:
        """A BGR picture."""
        height, width = picture.shape[:2]
        return cls(width, height, (_Sheet(picture, halved=False, ink=_as_it_is),))

    @classmethod
    def of_planes(cls, planes: Sequence[Plane], layout: FrameFormat) -> Self:
        """Y, U and V of 4:2:0, in the range and the matrix of ``layout``; its size does not count."""
        height, width = planes[0].shape
        sheets = [
            _Sheet(plane, halved=number > 0, ink=partial(_in_plane, number, layout))
            for number, plane in enumerate(planes)
        ]
        return cls(width, height, sheets)

    @classmethod
    def of_frame(cls, frame: Frame) -> Self:
        """A frame of one's own."""
        return cls.of_planes((frame.y, frame.u, frame.v), frame.header.format)

    # ---- lines ----

    def box(self, corners: tuple[int, int, int, int], color: Bgr, width_px: int) -> None:
        """The outline of the rectangle from ``left, top`` to ``right, bottom``, all on its line."""
        left, top, right, bottom = corners
        strips = _halved_box(corners, width_px) if self._has_halved else ()
        for sheet in self._sheets:
            if not sheet.halved:
                cv2.rectangle(sheet.pixels, (left, top), (right, bottom), sheet.ink(color), width_px)
                continue
            plane, value = sheet.pixels, sheet.ink(color)[0]
            for strip in strips:
                plane[strip] = value

    def lines(self, ways: Sequence[Places], color: Bgr, width_px: int, *, closed: bool = False) -> None:
        """Through the places of each way."""
        both = [self._both(way) for way in ways]
        for sheet in self._sheets:
            cv2.polylines(
                sheet.pixels,
                [way[sheet.halved] for way in both],
                closed,
                sheet.ink(color),
                sheet.width_of(width_px),
                cv2.LINE_AA,
                sheet.shift,
            )

    def arrow(self, way: Places, color: Bgr, width_px: int) -> None:
        """From the first of two places to the second, which is its tip."""
        both = self._both(way)
        for sheet in self._sheets:
            begin, tip = both[sheet.halved].reshape(2, 2).tolist()
            cv2.arrowedLine(
                sheet.pixels,
                begin,
                tip,
                sheet.ink(color),
                sheet.width_of(width_px),
                cv2.LINE_AA,
                sheet.shift,
                _TIP_OF_ARROW,
            )

    # ---- areas ----

    def dot(self, center: tuple[int, int], radius_px: int, color: Bgr) -> None:
        """A filled circle."""
        x, y = center
        for sheet in self._sheets:
            if sheet.halved:
                place, radius = (2 * x - 1, 2 * y - 1), 2 * radius_px + 1
            else:
                place, radius = center, radius_px
            cv2.circle(sheet.pixels, place, radius, sheet.ink(color), -1, cv2.LINE_AA, sheet.shift)

    def fill(self, polygon: Places, color: Bgr) -> None:
        """With its edge."""
        both = self._both(polygon)
        for sheet in self._sheets:
            cv2.fillPoly(sheet.pixels, [both[sheet.halved]], sheet.ink(color), shift=sheet.shift)

    def brighten(self, polygon: Places, share: float) -> None:
        """Mix ``share`` of white into what lies in ``polygon``, at the cost of the rectangle around it."""
        left, top, width, height = cv2.boundingRect(polygon)
        both = self._both(polygon)
        for sheet in self._sheets:
            step = 2 if sheet.halved else 1
            x, y = left // step, top // step
            part = sheet.pixels[y : -(-(top + height) // step), x : -(-(left + width) // step)]
            inside = np.zeros(part.shape[:2], dtype=np.uint8)
            corner = np.array((x << sheet.shift, y << sheet.shift), dtype=np.int32)
            cv2.fillPoly(inside, [both[sheet.halved] - corner], 255, shift=sheet.shift)
            white = sheet.ink(LIGHT)[0]
            cv2.copyTo(cv2.convertScaleAbs(part, alpha=1 - share, beta=white * share), inside, part)

    def stamp(self, stencil: Plane, corner: tuple[int, int], paper: Bgr, ink: Bgr) -> None:
        """A rectangle of ``paper`` with its upper left at ``corner``, and ``ink`` on it: as much of it as
        ``stencil``, 0-255, says of each pixel. It must lie in the picture.
        """
        left, top = corner
        small = _halved_stencil(stencil, left % 2, top % 2) if self._has_halved else stencil
        for sheet in self._sheets:
            here, x, y = (small, left // 2, top // 2) if sheet.halved else (stencil, left, top)
            rows, columns = here.shape
            place = sheet.pixels[y : y + rows, x : x + columns]
            cv2.merge(
                [
                    cv2.convertScaleAbs(here, alpha=(full - none) / 255, beta=none)
                    for none, full in zip(sheet.ink(paper), sheet.ink(ink), strict=True)
                ],
                place,
            )

    def _both(self, places: Places) -> _Both:
        return places, (2 * places - 1 if self._has_halved else places)


def _as_it_is(color: Bgr) -> tuple[int, ...]:
    return color


def _in_plane(number: int, layout: FrameFormat, color: Bgr) -> tuple[int, ...]:
    return (yuv_of(color, layout.color_range, layout.color_matrix)[number],)


def _halved_box(corners: tuple[int, int, int, int], width_px: int) -> tuple[tuple[slice, slice], ...]:
    """Rows and columns of its four sides: whatever is touched of a line that is so wide on the picture."""
    reach = (width_px + 1) // 2 if width_px > 1 else 0  # as OpenCV's
    (x0, x1), (x2, x3) = (_touched(side, reach) for side in corners[::2])
    (y0, y1), (y2, y3) = (_touched(side, reach) for side in corners[1::2])
    across, down = slice(x0, x3), slice(y0, y3)
    return (
        (slice(y0, y1), across), (slice(y2, y3), across),
        (down, slice(x0, x1)), (down, slice(x2, x3)),
    )  # fmt: skip


def _touched(place_px: int, reach_px: int) -> tuple[int, int]:
    """From where to where in a halved plane, of so many pixels on either side of a place on the picture."""
    first = place_px - reach_px
    return (first // 2 if first > 0 else 0), (place_px + reach_px) // 2 + 1


def _halved_stencil(stencil: Plane, left: int, top: int) -> Plane:
    """Half as large, where its upper left lies so far (0 or 1) from a whole pixel of chroma."""
    height, width = stencil.shape
    even = np.zeros(((top + height + 1) // 2 * 2, (left + width + 1) // 2 * 2), dtype=np.uint8)
    even[top : top + height, left : left + width] = stencil
    size = (even.shape[1] // 2, even.shape[0] // 2)
    return np.asarray(cv2.resize(even, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
