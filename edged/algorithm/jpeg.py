"""JPEG, from the planes of a frame where nothing was drawn on it, and what is written into one about it.

A JPEG is YUV itself: full range, the matrix of BT.601 (JFIF 1.02, ITU-T T.871). So the planes of a frame
go in as they are, or stretched and turned while they are planes: at 1080p and quality 80 that takes 3 to
4 ms, the detour by BGR 4.5 (limited range, BT.601) to 10. `simplejpeg` hands planes to libjpeg-turbo, which
OpenCV cannot; FFmpeg's own encoder takes 10 ms.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TypeAlias

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from edged.algorithm.color import luma_weights
from edged.algorithm.frame import Frame
from edged.model.frame import ColorMatrix, ColorRange, FrameFormat

Drawable: TypeAlias = NDArray[np.uint8]
"""BGR, ``(height, width, 3)``."""
LARGEST_SIDE_PX = 65_500
"""Of libjpeg."""
LONGEST_COMMENT_BYTES = 65_533
"""ITU-T T.81, B.2.4.5: two bytes of length, which count themselves."""
_SOI, _APP0, _SOS, _COM = b"\xff\xd8", b"\xff\xe0", b"\xff\xda", b"\xff\xfe"


class JpegFailed(Exception):
    """A picture that cannot be one, such as one that is too wide."""


def encode_jpeg(picture: Frame | Drawable, quality: int) -> bytes:
    """JPEG 4:2:0 of a frame, straight from its planes, or of a BGR picture. ``quality`` is 1-100.

    Raises `JpegFailed`.
    """
    try:
        if isinstance(picture, Frame):
            return encode_planes(picture.y, picture.u, picture.v, picture.header.format, quality)
        encoded, jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    except (ValueError, cv2.error) as error:
        raise JpegFailed(str(error)) from error
    if not encoded:
        raise JpegFailed("OpenCV does not encode it")
    return bytes(jpeg.tobytes())


def encode_planes(
    luma: NDArray[np.uint8],
    blue: NDArray[np.uint8],
    red: NDArray[np.uint8],
    layout: FrameFormat,
    quality: int,
) -> bytes:
    """JPEG 4:2:0 of planes, of which `layout` says the range and the matrix. Raises ValueError."""
    turned = jfif_planes(luma, blue, red, layout)
    return bytes(simplejpeg.encode_jpeg_yuv_planes(*turned, quality=quality))


def size_of(picture: Frame | Drawable) -> tuple[int, int]:
    """Width and height in pixels."""
    if isinstance(picture, Frame):
        return picture.width, picture.height
    height, width = picture.shape[:2]
    return width, height


def jfif_planes(
    luma: NDArray[np.uint8], blue: NDArray[np.uint8], red: NDArray[np.uint8], layout: FrameFormat
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    """The same planes in full range and BT.601; the very same where they are that already.

    Only the range of ``layout`` and its matrix count: the planes may be of any part or size.
    """
    if layout.color_range == ColorRange.FULL and layout.color_matrix == ColorMatrix.BT601:
        return luma, blue, red
    turn = _turn(layout.color_range, layout.color_matrix)
    gain, zero = turn.luma
    if layout.color_matrix == ColorMatrix.BT601:
        bright = cv2.addWeighted(luma, gain, luma, 0.0, zero)
    else:
        # what the colours add to the brightness: small, so it is summed in the few pixels of the chroma
        added = cv2.addWeighted(blue, turn.added[0], red, turn.added[1], turn.added[2])
        height, width = luma.shape
        rows, columns = blue.shape
        wide = cv2.resize(added, (2 * columns, 2 * rows))[:height, :width]
        bright = cv2.addWeighted(luma, gain, wide, 1.0, zero - 128)
    blues = cv2.addWeighted(blue, turn.blue[0], red, turn.blue[1], turn.blue[2])
    reds = cv2.addWeighted(blue, turn.red[0], red, turn.red[1], turn.red[2])
    return (
        np.asarray(bright, dtype=np.uint8),
        np.asarray(blues, dtype=np.uint8),
        np.asarray(reds, dtype=np.uint8),
    )


class _Turn:
    """Factors of (U, V) and what is added, for each plane; of the luma the gain and what is added."""

    def __init__(self, color_range: ColorRange, matrix: ColorMatrix) -> None:
        full = color_range == ColorRange.FULL
        self.luma = (1.0, 0.0) if full else (255 / 219, -16 * 255 / 219)
        chroma_gain = 1.0 if full else 255 / 224
        turned = _to_yuv(ColorMatrix.BT601) @ np.linalg.inv(_to_yuv(matrix)) * chroma_gain
        self.added, self.blue, self.red = (
            (float(row[1]), float(row[2]), float(128 - 128 * (row[1] + row[2]))) for row in turned
        )


@lru_cache(maxsize=8)
def _turn(color_range: ColorRange, matrix: ColorMatrix) -> _Turn:
    return _Turn(color_range, matrix)


def _to_yuv(matrix: ColorMatrix) -> NDArray[np.float64]:
    """From R, G, B to Y, U, V, all of full range, U and V around 0."""
    red, blue = luma_weights(matrix)
    luma = np.array([red, 1 - red - blue, blue])
    to_blue = (np.array([0.0, 0.0, 1.0]) - luma) / (2 * (1 - blue))
    to_red = (np.array([1.0, 0.0, 0.0]) - luma) / (2 * (1 - red))
    return np.stack((luma, to_blue, to_red))


def with_comment(jpeg: bytes, comment: bytes) -> bytes:
    """``jpeg`` with a COM segment (ITU-T T.81, B.2.4.5) behind its JFIF header.

    Raises ValueError for what is no JPEG, and for a comment that is too long.
    """
    if not jpeg.startswith(_SOI):
        raise ValueError("that is no JPEG")
    if len(comment) > LONGEST_COMMENT_BYTES:
        raise ValueError(f"a comment of {len(comment)} bytes is too long: {LONGEST_COMMENT_BYTES} at most")
    place = 2
    if jpeg[2:4] == _APP0:  # JFIF wants it right behind the start
        place += 2 + int.from_bytes(jpeg[4:6], "big")
    segment = _COM + (len(comment) + 2).to_bytes(2, "big") + comment
    return b"".join((jpeg[:place], segment, jpeg[place:]))


def comments_in(jpeg: bytes) -> Iterator[bytes]:
    """What stands in the COM segments before the picture itself."""
    place = 2
    while jpeg[place : place + 1] == b"\xff":
        marker, length = jpeg[place : place + 2], int.from_bytes(jpeg[place + 2 : place + 4], "big")
        if marker == _SOS or length < 2:
            return
        if marker == _COM:
            yield jpeg[place + 4 : place + 2 + length]
        place += 2 + length
