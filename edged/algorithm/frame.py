"""One frame as an algorithm sees it, and the smaller pictures made of it.

A frame stays I420, as the decoder gave it, in shared memory. What a model wants is small, so the
planes are scaled down first and the small picture is converted: a quarter of the time of converting
the whole frame and scaling that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from edged.algorithm.color import Color, bgr_from_i420, convert_planes, planes, scale, stretch_luma
from edged.model.frame import FrameFormat, FrameHeader


class Fit(StrEnum):
    """How a frame fills a picture of another shape."""

    LETTERBOX = "letterbox"
    """Keep its proportions and pad the rest."""
    STRETCH = "stretch"


class Anchor(StrEnum):
    """Where a letterboxed frame lies in its picture."""

    TOP_LEFT = "top_left"
    """As YOLOX does."""
    CENTER = "center"
    """As Ultralytics does."""


Box: TypeAlias = tuple[float, float, float, float]
"""x_min, y_min, x_max, y_max in fractions of the frame."""
WHOLE: Box = (0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Picture:
    """A frame, or a part of one, scaled to a model's input, and the way back."""

    pixels: NDArray[np.uint8]
    """``(height, width, 3)``, or ``(height, width)`` for `Color.GRAY`; writable, contiguous."""
    left_px: int
    top_px: int
    inner_width_px: int
    """Of the frame inside the picture."""
    inner_height_px: int
    region: Box = WHOLE
    """Which part of the frame it shows, in fractions."""

    def to_frame(self, boxes: ArrayLike) -> NDArray[np.float64]:
        """Turn boxes ``(n, 4)`` in pixels of this picture into fractions of the frame, cut off at the
        edges of what the picture shows.
        """
        return self.points_to_frame(np.reshape(boxes, (-1, 2))).reshape(-1, 4)

    def points_to_frame(self, points: ArrayLike) -> NDArray[np.float64]:
        """As `to_frame`, for points ``(n, 2)``: x and y in pixels of this picture."""
        places = np.asarray(points, dtype=np.float64).reshape(-1, 2)
        inside = (places - (self.left_px, self.top_px)) / (self.inner_width_px, self.inner_height_px)
        x_min, y_min, x_max, y_max = self.region
        return np.clip(inside, 0.0, 1.0) * (x_max - x_min, y_max - y_min) + (x_min, y_min)


class Frame:
    """One frame of a source. Its pixels lie in shared memory: they are valid during ``run()`` only."""

    def __init__(self, header: FrameHeader, pixels: NDArray[np.uint8]) -> None:
        """``pixels``: ``(frame_bytes,)`` uint8, I420, contiguous; may be read-only."""
        self.header = header
        self._pixels = pixels
        self._y, self._u, self._v = planes(pixels, header.format)

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """All three planes in one piece, ``(frame_bytes,)``."""
        return self._pixels

    @property
    def width(self) -> int:
        return self.header.format.width

    @property
    def height(self) -> int:
        return self.header.format.height

    @property
    def y(self) -> NDArray[np.uint8]:
        """Luma, ``(height, width)``, in the range that the header's format tells."""
        return self._y

    @property
    def u(self) -> NDArray[np.uint8]:
        """Blue difference, half the size of `y`, rounded up."""
        return self._u

    @property
    def v(self) -> NDArray[np.uint8]:
        """Red difference, half the size of `y`, rounded up."""
        return self._v

    def bgr(self) -> NDArray[np.uint8]:
        """The whole frame as BGR ``(height, width, 3)``: the caller's own array, converted at each call.

        Nobody else sees what is drawn on it. Ask for a `picture` where a smaller one will do.
        """
        return bgr_from_i420(self.pixels, self.header.format)

    def picture(
        self,
        width: int,
        height: int,
        *,
        fit: Fit = Fit.LETTERBOX,
        anchor: Anchor = Anchor.TOP_LEFT,
        pad: int = 114,
        color: Color = Color.BGR,
        region: Box = WHOLE,
    ) -> Picture:
        """Scale the frame, or ``region`` of it, to ``width`` x ``height`` pixels.

        ``pad`` (0-255) fills what it leaves free. A region is widened to whole pixels of chroma, 2 x 2 of the
        frame, and cut off at the frame's edges; the picture says in ``region`` what it shows.
        """
        left_px, top_px, right_px, bottom_px = self.whole_chroma(region)
        shown_width, shown_height = right_px - left_px, bottom_px - top_px
        inner_width, inner_height = width, height
        if fit == Fit.LETTERBOX:
            ratio = min(width / shown_width, height / shown_height)
            inner_width = max(1, round(shown_width * ratio))
            inner_height = max(1, round(shown_height * ratio))
        left = top = 0
        if anchor == Anchor.CENTER:
            left, top = (width - inner_width) // 2, (height - inner_height) // 2
        pixels = self._scaled((left_px, top_px, right_px, bottom_px), inner_width, inner_height, color)
        if (inner_width, inner_height) != (width, height):
            padded = np.full((height, width, *pixels.shape[2:]), pad, dtype=np.uint8)
            padded[top : top + inner_height, left : left + inner_width] = pixels
            pixels = padded
        shown = (left_px / self.width, top_px / self.height, right_px / self.width, bottom_px / self.height)
        return Picture(pixels, left, top, inner_width, inner_height, shown)

    def copy(self) -> Frame:
        """The same in memory of its own, writable: it outlives the run."""
        return Frame(self.header, self.pixels.copy())

    def showing(self, pixels: NDArray[np.uint8], layout: FrameFormat) -> Frame:
        """The same moment in other pixels, ``(layout.frame_bytes,)``."""
        return Frame(replace(self.header, format=layout), pixels)

    def cut(self, region: Box) -> tuple[Frame, Box]:
        """What lies in ``region``, as a frame of its own, and which part of this one it is.

        Copied plane by plane, never converted; the region is widened as for a `picture`.
        """
        left, top, right, bottom = self.whole_chroma(region)
        part = Frame._empty(self.header, right - left, bottom - top)
        part.y[:] = self._y[top:bottom, left:right]
        rows, columns = slice(top // 2, (bottom + 1) // 2), slice(left // 2, (right + 1) // 2)
        part.u[:] = self._u[rows, columns]
        part.v[:] = self._v[rows, columns]
        return part, (left / self.width, top / self.height, right / self.width, bottom / self.height)

    def within(self, max_width_px: int | None) -> Frame:
        """Itself, or one scaled down to ``max_width_px`` with its proportions kept; never scaled up."""
        if max_width_px is None or max_width_px >= self.width:
            return self
        small = Frame._empty(
            self.header, max_width_px, max(1, round(self.height * max_width_px / self.width))
        )
        for plane, into in ((self._y, small.y), (self._u, small.u), (self._v, small.v)):
            cv2.resize(plane, (into.shape[1], into.shape[0]), dst=into, interpolation=cv2.INTER_AREA)
        return small

    @classmethod
    def _empty(cls, like: FrameHeader, width: int, height: int) -> Frame:
        layout = replace(like.format, width=width, height=height)
        return cls(replace(like, format=layout), np.empty(layout.frame_bytes, dtype=np.uint8))

    def whole_chroma(self, region: Box) -> tuple[int, int, int, int]:
        """``region`` in pixels (left, top, right, bottom), widened to whole pixels of chroma and cut off at
        the edges; at least one pixel of chroma, wherever it lies.
        """
        if region == WHOLE:
            return 0, 0, self.width, self.height
        left, right = _span(region[0], region[2], self.width)
        top, bottom = _span(region[1], region[3], self.height)
        return left, top, right, bottom

    def _scaled(
        self, part: tuple[int, int, int, int], width: int, height: int, color: Color
    ) -> NDArray[np.uint8]:
        left, top, right, bottom = part
        luma = scale(self._y[top:bottom, left:right], width, height)
        if color == Color.GRAY:
            return stretch_luma(luma, self.header.format)
        rows, columns = slice(top // 2, (bottom + 1) // 2), slice(left // 2, (right + 1) // 2)
        blue, red = (scale(plane[rows, columns], width, height) for plane in (self._u, self._v))
        return convert_planes(luma, blue, red, self.header.format, color)


def _span(begin: float, end: float, size_px: int) -> tuple[int, int]:
    """From an even pixel to an even one, or to the edge."""
    chroma = (size_px + 1) // 2
    first = min(max(math.floor(begin * size_px / 2), 0), chroma - 1)
    last = min(max(math.ceil(end * size_px / 2), first + 1), chroma)
    return 2 * first, min(2 * last, size_px)
