"""From YUV to the colours that models want: the matrices of ITU-R BT.601, BT.709 and BT.2020.

Many cameras and phones send full-range YUV and HD ones BT.709: whoever takes them for limited
BT.601 loses detections, so the format's range and matrix always decide.
"""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from edged.model.frame import ColorMatrix, ColorRange, FrameFormat

_LUMA_WEIGHTS = {
    ColorMatrix.BT601: (0.299, 0.114),
    ColorMatrix.BT709: (0.2126, 0.0722),
    ColorMatrix.BT2020: (0.2627, 0.0593),
}
"""(Kr, Kb) of each matrix: BT.601-7, BT.709-6, BT.2020-2 with non-constant luminance."""
_LIMITED = (219 / 255, 16, 224 / 255)
"""From full range: the gain of the luma, its black, and the gain of the chroma."""


class Color(StrEnum):
    """The order of channels in a picture."""

    BGR = "bgr"
    RGB = "rgb"
    GRAY = "gray"
    """One channel: luma stretched to 0-255."""


def luma_weights(matrix: ColorMatrix) -> tuple[float, float]:
    """Kr and Kb: the shares of red and of blue in the luma."""
    return _LUMA_WEIGHTS[matrix]


@lru_cache(maxsize=256)
def yuv_of(color: tuple[int, int, int], color_range: ColorRange, matrix: ColorMatrix) -> tuple[int, int, int]:
    """Y, U and V of a colour, B, G and R of 0-255 each."""
    blue, green, red = color
    red_weight, blue_weight = _LUMA_WEIGHTS[matrix]
    luma = red_weight * red + (1 - red_weight - blue_weight) * green + blue_weight * blue
    luma_gain, luma_zero, chroma_gain = (1.0, 0, 1.0) if color_range == ColorRange.FULL else _LIMITED
    to_blue = chroma_gain * (blue - luma) / (2 * (1 - blue_weight))
    to_red = chroma_gain * (red - luma) / (2 * (1 - red_weight))
    y, u, v = (round(each) for each in (luma_zero + luma_gain * luma, 128 + to_blue, 128 + to_red))
    return y, min(u, 255), min(v, 255)


@lru_cache(maxsize=16)
def mixing_matrix(color_range: ColorRange, matrix: ColorMatrix) -> NDArray[np.float32]:
    """From B, G, R, each times an opacity, and that opacity, 0-255 all, to Y, U, V times the opacity: (3, 4).

    What comes out is added to planes of which the rest, 255 less the opacity, was left.
    """
    red_weight, blue_weight = _LUMA_WEIGHTS[matrix]
    luma_gain, luma_zero, chroma_gain = (1.0, 0, 1.0) if color_range == ColorRange.FULL else _LIMITED
    luma = np.array([blue_weight, 1 - red_weight - blue_weight, red_weight])
    to_blue = chroma_gain * (np.array([1.0, 0.0, 0.0]) - luma) / (2 * (1 - blue_weight))
    to_red = chroma_gain * (np.array([0.0, 0.0, 1.0]) - luma) / (2 * (1 - red_weight))
    zeros = np.array([luma_zero, 128, 128]) / 255
    return np.column_stack((np.stack((luma_gain * luma, to_blue, to_red)), zeros)).astype(np.float32)


def bgr_from_i420(pixels: NDArray[np.uint8], layout: FrameFormat) -> NDArray[np.uint8]:
    """Convert one I420 picture, ``(frame_bytes,)``, to BGR of its full size in an array of its own."""
    width, height = layout.width, layout.height
    even = width % 2 == 0 and height % 2 == 0
    common = layout.color_range == ColorRange.LIMITED and layout.color_matrix == ColorMatrix.BT601
    if even and common:
        rows = pixels.reshape(height * 3 // 2, width)
        return np.asarray(cv2.cvtColor(rows, cv2.COLOR_YUV2BGR_I420), dtype=np.uint8)
    luma, blue, red = planes(pixels, layout)
    padded = (2 * layout.chroma_width, 2 * layout.chroma_height)
    wide_blue, wide_red = (scale(plane, *padded)[:height, :width] for plane in (blue, red))
    return convert_planes(luma, wide_blue, wide_red, layout, Color.BGR)


def planes(
    pixels: NDArray[np.uint8], layout: FrameFormat
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    """Y ``(height, width)``, U and V ``(chroma_height, chroma_width)``, as views, addressed by bytes."""
    size = (layout.chroma_height, layout.chroma_width)
    blue_end = layout.y_bytes + layout.chroma_bytes
    return (
        pixels[: layout.y_bytes].reshape(layout.height, layout.width),
        pixels[layout.y_bytes : blue_end].reshape(size),
        pixels[blue_end : layout.frame_bytes].reshape(size),
    )


def scale(plane: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """Scale one plane to ``(height, width)`` with bilinear interpolation."""
    return np.asarray(cv2.resize(plane, (width, height)), dtype=np.uint8)


def convert_planes(
    luma: NDArray[np.uint8],
    blue: NDArray[np.uint8],
    red: NDArray[np.uint8],
    layout: FrameFormat,
    color: Color,
) -> NDArray[np.uint8]:
    """Convert three planes of one size to ``(height, width, 3)`` BGR or RGB."""
    matrix = _matrix(layout.color_range, layout.color_matrix, color)
    return np.asarray(cv2.transform(cv2.merge((luma, blue, red)), matrix), dtype=np.uint8)


def stretch_luma(luma: NDArray[np.uint8], layout: FrameFormat) -> NDArray[np.uint8]:
    """Luma as gray 0-255, ``(height, width)``; a copy only where the range is limited."""
    if layout.color_range == ColorRange.FULL:
        return luma
    return np.asarray(cv2.LUT(luma, _limited_luma()), dtype=np.uint8)


@lru_cache(maxsize=16)
def _matrix(color_range: ColorRange, matrix: ColorMatrix, color: Color) -> NDArray[np.float32]:
    """The 3x4 affine transform from (Y, U, V) to the three channels."""
    red_weight, blue_weight = _LUMA_WEIGHTS[matrix]
    green_weight = 1 - red_weight - blue_weight
    full = color_range == ColorRange.FULL
    luma_gain, luma_zero, chroma_gain = (1.0, 0.0, 1.0) if full else (255 / 219, 16.0, 255 / 224)
    blue_gain, red_gain = 2 * (1 - blue_weight) * chroma_gain, 2 * (1 - red_weight) * chroma_gain
    linear = np.array(
        [
            [luma_gain, blue_gain, 0.0],
            [luma_gain, -blue_gain * blue_weight / green_weight, -red_gain * red_weight / green_weight],
            [luma_gain, 0.0, red_gain],
        ]
    )
    offset = -linear @ np.array([luma_zero, 128.0, 128.0])
    affine = np.column_stack((linear, offset))
    return np.asarray(affine[::-1] if color == Color.RGB else affine, dtype=np.float32)


@lru_cache(maxsize=1)
def _limited_luma() -> NDArray[np.uint8]:
    levels = (np.arange(256) - 16) * (255 / 219)
    return np.asarray(np.clip(np.rint(levels), 0, 255), dtype=np.uint8)
