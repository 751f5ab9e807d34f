"""What is drawn on: a BGR picture, or the planes of a frame, which then need not become one and back.

Each stroke is made on every sheet of the canvas: on the one of a BGR picture, or on Y, U and V, each in its
own value of the colour. U and V have half the width and height: whatever of their pixels a line touches gets
the line's colour, so that also thin lines are coloured.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

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
Stroke: TypeAlias = Callable[..., object]
"""Changes the pixels of one sheet, which it is given first."""

_SHIFT = 2
"""Places on a halved sheet are given in quarters of its pixels: of x it is 2x - 1."""
_TIP_OF_ARROW = 0.4
"""Of its length."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """One array of pixels that is drawn on, before it is there."""

    number: int
    ink: Callable[[Bgr], tuple[int, ...]]
    """A colour in the values of its pixels."""
    halved: bool = False
    """Of half the canvas's width and height, rounded up."""

    @property
    def shift(self) -> int:
        """Of the places on it."""
        return _SHIFT if self.halved else 0

    def width_of(self, width_px: int) -> int:
        """Of a line."""
        return (width_px + 1) // 2 if self.halved else width_px


def sheets_of_planes(layout: FrameFormat) -> tuple[Sheet, ...]:
    """Y, U and V of 4:2:0, in the range and the matrix of ``layout``."""
    return tuple(Sheet(number, partial(_in_plane, number, layout), halved=number > 0) for number in range(3))


class Canvas:
    """``width`` x ``height`` pixels, changed in place. All places and widths are in pixels of the picture."""

    def __init__(
        self, width: int, height: int, sheets: Sequence[Sheet], pixels: Sequence[NDArray[np.uint8]]
    ) -> None:
        """``pixels`` of each sheet."""
        self.width = width
        self.height = height
        self._sheets = tuple(sheets)
        self._pixels = tuple(pixels)
        self._has_halved = any(sheet.halved for sheet in sheets)

    @classmethod
    def of_picture(cls, picture: BgrPicture) -> Canvas:
        """A BGR picture."""
        height, width = picture.shape[:2]
        return Canvas(width, height, (Sheet(0, _as_it_is),), (picture,))

    @classmethod
    def of_frame(cls, frame: Frame) -> Canvas:
        """The planes of a frame of one's own."""
        return cls.of_planes((frame.y, frame.u, frame.v), frame.header.format)

    @classmethod
    def of_planes(cls, planes: Sequence[Plane], layout: FrameFormat) -> Canvas:
        """Y, U and V, in the range and the matrix of ``layout``."""
        height, width = planes[0].shape
        return Canvas(width, height, sheets_of_planes(layout), planes)

    # ---- lines ----

    def box(self, corners: tuple[int, int, int, int], color: Bgr, width_px: int) -> None:
        """The outline of the rectangle from ``left, top`` to ``right, bottom``, all on its line."""
        left, top, right, bottom = corners
        strips = _halved_box(corners, width_px) if self._has_halved else ()
        for sheet in self._sheets:
            if sheet.halved:
                self._draw(sheet, _fill_parts, strips, sheet.ink(color)[0])
            else:
                self._draw(sheet, cv2.rectangle, (left, top), (right, bottom), sheet.ink(color), width_px)

    def lines(self, ways: Sequence[Places], color: Bgr, width_px: int, *, closed: bool = False) -> None:
        """Through the places of each way."""
        both = (ways, self._halved(ways))
        for sheet in self._sheets:
            how = (closed, sheet.ink(color), sheet.width_of(width_px), cv2.LINE_AA, sheet.shift)
            self._draw(sheet, cv2.polylines, both[sheet.halved], *how)

    def arrow(self, way: Places, color: Bgr, width_px: int) -> None:
        """From the first of two places to the second, which is its tip."""
        both = (way, *self._halved([way]))
        for sheet in self._sheets:
            begin, tip = both[sheet.halved].reshape(2, 2).tolist()
            how = (sheet.ink(color), sheet.width_of(width_px), cv2.LINE_AA, sheet.shift, _TIP_OF_ARROW)
            self._draw(sheet, cv2.arrowedLine, begin, tip, *how)

    # ---- areas ----

    def dot(self, center: tuple[int, int], radius_px: int, color: Bgr) -> None:
        """A filled circle."""
        x, y = center
        for sheet in self._sheets:
            place, radius = (
                ((2 * x - 1, 2 * y - 1), 2 * radius_px + 1) if sheet.halved else (center, radius_px)
            )
            self._draw(sheet, cv2.circle, place, radius, sheet.ink(color), -1, cv2.LINE_AA, sheet.shift)

    def fill(self, polygon: Places, color: Bgr) -> None:
        """With its edge."""
        both = ([polygon], self._halved([polygon]))
        for sheet in self._sheets:
            self._draw(sheet, cv2.fillPoly, both[sheet.halved], sheet.ink(color), cv2.LINE_8, sheet.shift)

    def brighten(self, polygon: Places, share: float) -> None:
        """Mix ``share`` of white into what lies in ``polygon``, at the cost of the rectangle around it."""
        left, top, width, height = cv2.boundingRect(polygon)
        both = (polygon, *self._halved([polygon]))
        for sheet in self._sheets:
            step = 2 if sheet.halved else 1
            x, y = left // step, top // step
            right, bottom = -(-(left + width) // step), -(-(top + height) // step)
            inside = np.zeros((bottom - y, right - x), dtype=np.uint8)
            corner = np.array((x << sheet.shift, y << sheet.shift), dtype=np.int32)
            cv2.fillPoly(inside, [both[sheet.halved] - corner], 255, shift=sheet.shift)
            part = (slice(y, bottom), slice(x, right))
            self._draw(sheet, _brighten, part, inside, 1 - share, sheet.ink(LIGHT)[0] * share)

    def stamp(self, stencil: Plane, corner: tuple[int, int], paper: Bgr, ink: Bgr) -> None:
        """A rectangle of ``paper`` with its upper left at ``corner``, and ``ink`` on it: as much of it as
        ``stencil``, 0-255, says of each pixel. It must lie in the picture.
        """
        left, top = corner
        small = _halved_stencil(stencil, left % 2, top % 2) if self._has_halved else stencil
        for sheet in self._sheets:
            here, x, y = (small, left // 2, top // 2) if sheet.halved else (stencil, left, top)
            rows, columns = here.shape
            channels = [
                cv2.convertScaleAbs(here, alpha=(full - none) / 255, beta=none)
                for none, full in zip(sheet.ink(paper), sheet.ink(ink), strict=True)
            ]
            stamped = channels[0] if len(channels) == 1 else cv2.merge(channels)
            self._draw(sheet, _paste, (slice(y, y + rows), slice(x, x + columns)), stamped)

    def _draw(self, sheet: Sheet, stroke: Stroke, *how: object) -> None:
        stroke(self._pixels[sheet.number], *how)

    def _halved(self, ways: Sequence[Places]) -> Sequence[Places]:
        return [2 * way - 1 for way in ways] if self._has_halved else ways


class Sketch(Canvas):
    """A canvas without pixels, drawn on planes afterwards: many times, and what it took to know where
    everything goes is done only once.
    """

    def __init__(self, width: int, height: int, layout: FrameFormat) -> None:
        """Of planes in the range and the matrix of ``layout``."""
        sheets = sheets_of_planes(layout)
        super().__init__(width, height, sheets, ())
        self._strokes: tuple[list[tuple[Stroke, tuple[object, ...]]], ...] = tuple([] for _ in sheets)

    def onto(self, planes: Sequence[Plane]) -> None:
        """Y, U and V, of this size."""
        for plane, strokes in zip(planes, self._strokes, strict=True):
            for stroke, how in strokes:
                stroke(plane, *how)

    def _draw(self, sheet: Sheet, stroke: Stroke, *how: object) -> None:
        self._strokes[sheet.number].append((stroke, how))


def _as_it_is(color: Bgr) -> tuple[int, ...]:
    return color


def _in_plane(number: int, layout: FrameFormat, color: Bgr) -> tuple[int, ...]:
    return (yuv_of(color, layout.color_range, layout.color_matrix)[number],)


_Part: TypeAlias = tuple[slice, slice]
"""Rows and columns."""


def _fill_parts(plane: Plane, parts: Sequence[_Part], value: int) -> None:
    for part in parts:
        plane[part] = value


def _paste(pixels: NDArray[np.uint8], part: _Part, stamped: NDArray[np.uint8]) -> None:
    pixels[part] = stamped


def _brighten(pixels: NDArray[np.uint8], part: _Part, inside: Plane, gain: float, white: float) -> None:
    place = pixels[part]
    cv2.copyTo(cv2.convertScaleAbs(place, alpha=gain, beta=white), inside, place)


def _halved_box(corners: tuple[int, int, int, int], width_px: int) -> tuple[_Part, ...]:
    """Its four sides: whatever is touched of a line that is so wide on the picture."""
    reach = (width_px + 1) // 2 if width_px > 1 else 0  # as OpenCV's
    (x0, x1), (x2, x3) = (_touched(side, reach) for side in corners[::2])
    (y0, y1), (y2, y3) = (_touched(side, reach) for side in corners[1::2])
    across, down = slice(x0, x3), slice(y0, y3)
    return (
        (slice(y0, y1), across), (slice(y2, y3), across),
        (down, slice(x0, x1)), (down, slice(x2, x3)),
    )  # fmt: skip


def _touched(place_px: int, reach_px: int) -> tuple[int, int]:
    """From where to where on a halved sheet, of so many pixels on either side of a place on the picture."""
    first = place_px - reach_px
    return (first // 2 if first > 0 else 0), (place_px + reach_px) // 2 + 1


def _halved_stencil(stencil: Plane, left: int, top: int) -> Plane:
    """Half as large, where its upper left lies so far (0 or 1) from a whole pixel of chroma."""
    height, width = stencil.shape
    even = np.zeros(((top + height + 1) // 2 * 2, (left + width + 1) // 2 * 2), dtype=np.uint8)
    even[top : top + height, left : left + width] = stencil
    size = (even.shape[1] // 2, even.shape[0] // 2)
    return np.asarray(cv2.resize(even, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
