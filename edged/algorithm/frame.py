"""One frame as an algorithm sees it, and the smaller pictures made of it.

A frame stays I420, as the decoder gave it, in shared memory. What a model wants is small, so the
planes are scaled down first and the small picture is converted: a quarter of the time of converting
the whole frame and scaling that.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edged.algorithm.color import Color, bgr_from_i420, convert_planes, planes, scale, stretch_luma
from edged.model.frame import FrameHeader


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


@dataclass(frozen=True, slots=True)
class Picture:
    """A frame scaled to a model's input, and the way back."""

    pixels: NDArray[np.uint8]
    """``(height, width, 3)``, or ``(height, width)`` for `Color.GRAY`; writable, contiguous."""
    left_px: int
    top_px: int
    inner_width_px: int
    """Of the frame inside the picture."""
    inner_height_px: int

    def to_frame(self, boxes: ArrayLike) -> NDArray[np.float64]:
        """Turn boxes ``(n, 4)`` in pixels of this picture into fractions of the frame, cut off at 0 and 1."""
        corners = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
        offset = np.array([self.left_px, self.top_px] * 2, dtype=np.float64)
        size = np.array([self.inner_width_px, self.inner_height_px] * 2, dtype=np.float64)
        return np.clip((corners - offset) / size, 0.0, 1.0)


class Frame:
    """One frame of a source. Its pixels lie in shared memory: they are valid during ``run()`` only."""

    def __init__(self, header: FrameHeader, pixels: NDArray[np.uint8]) -> None:
        """``pixels``: ``(frame_bytes,)`` uint8, I420, contiguous; may be read-only."""
        self.header = header
        self.pixels = pixels
        self._y, self._u, self._v = planes(pixels, header.format)

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
    ) -> Picture:
        """Scale the frame to ``width`` x ``height`` pixels; ``pad`` (0-255) fills what it leaves free."""
        inner_width, inner_height = width, height
        if fit == Fit.LETTERBOX:
            ratio = min(width / self.width, height / self.height)
            inner_width = max(1, round(self.width * ratio))
            inner_height = max(1, round(self.height * ratio))
        left = top = 0
        if anchor == Anchor.CENTER:
            left, top = (width - inner_width) // 2, (height - inner_height) // 2
        pixels = self._scaled(inner_width, inner_height, color)
        if (inner_width, inner_height) != (width, height):
            padded = np.full((height, width, *pixels.shape[2:]), pad, dtype=np.uint8)
            padded[top : top + inner_height, left : left + inner_width] = pixels
            pixels = padded
        return Picture(pixels, left, top, inner_width, inner_height)

    def _scaled(self, width: int, height: int, color: Color) -> NDArray[np.uint8]:
        luma = scale(self._y, width, height)
        if color == Color.GRAY:
            return stretch_luma(luma, self.header.format)
        blue, red = scale(self._u, width, height), scale(self._v, width, height)
        return convert_planes(luma, blue, red, self.header.format, color)
