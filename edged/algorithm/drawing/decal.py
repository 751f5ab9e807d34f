"""What an algorithm's own ``draw`` paints, lifted off its picture, so that it can be laid on others: live
pictures are made where no algorithm is.

It is called on black and on white. Whoever mixes ``a`` of a colour into what is below leaves ``a * colour``
on black and ``a * colour + (1 - a) * 255`` on white, and from the two follow both, of each pixel. So whatever
is painted, opaque, smoothed or half transparent, is lifted as it is; what is made of the picture below, as a
blur, leaves black black and white white, and is not seen.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edged.algorithm.drawing.pen import BgrPicture
from edged.types import PtsUs

MOST_PX = 640
"""Of a decal's width and height: lifting one at 1080p would take ten times as long."""
NEVER_US = PtsUs(1 << 62)
"""As the time of an empty decal: its chain draws nothing, on this frame and on all that come."""
_HEADER = struct.Struct("<qHHHHHH")
_CHANNELS = 4
_FAST = 1
"""zlib's level: PNG makes two thirds of it in the best case, and takes three times as long."""
_OPACITY = np.array([[-1 / 3, -1 / 3, -1 / 3, 255.0]], dtype=np.float32)
"""From white minus black, in each colour."""


@dataclass(frozen=True, slots=True, eq=False)
class Decal:
    """Of one result. It belongs to the whole frame, whatever its size is."""

    pts_us: PtsUs
    width: int
    """Of the picture that was drawn on, in pixels."""
    height: int
    left: int
    """Where what was painted begins."""
    top: int
    pixels: NDArray[np.uint8]
    """``(rows, columns, 4)``: B, G and R times the opacity, and the opacity, 0-255; no larger than what was
    painted, empty where nothing was."""

    @property
    def is_empty(self) -> bool:
        return self.pixels.size == 0


def nothing(pts_us: PtsUs) -> Decal:
    """An empty one."""
    return Decal(pts_us, 1, 1, 0, 0, np.empty((0, 0, _CHANNELS), dtype=np.uint8))


def blank_pictures(width: int, height: int) -> tuple[BgrPicture, BgrPicture]:
    """One black and one white, in the shape of a frame of that size, no larger than `MOST_PX`."""
    share = min(1.0, MOST_PX / max(width, height))
    shape = (max(1, round(height * share)), max(1, round(width * share)), 3)
    return np.zeros(shape, dtype=np.uint8), np.full(shape, 255, dtype=np.uint8)


def lift(on_black: BgrPicture, on_white: BgrPicture, pts_us: PtsUs) -> Decal:
    """What was painted on both."""
    height, width = on_black.shape[:2]
    opacity = cv2.transform(cv2.subtract(on_white, on_black), _OPACITY)
    left, top, columns, rows = cv2.boundingRect(opacity)
    part = (slice(top, top + rows), slice(left, left + columns))
    pixels = np.empty((rows, columns, _CHANNELS), dtype=np.uint8)
    pixels[..., :3], pixels[..., 3] = on_black[part], opacity[part]
    return Decal(pts_us, width, height, left, top, pixels)


def pack_decal(decal: Decal) -> bytes:
    """For `unpack_decal`."""
    rows, columns = decal.pixels.shape[:2]
    header = _HEADER.pack(decal.pts_us, decal.width, decal.height, decal.left, decal.top, columns, rows)
    return header + zlib.compress(decal.pixels.tobytes(), _FAST)


def unpack_decal(payload: bytes) -> Decal:
    """The inverse of `pack_decal`. Raises ValueError for anything else, and takes no more memory for it."""
    try:
        pts_us, width, height, left, top, columns, rows = _HEADER.unpack_from(payload)
        if not (0 < width <= MOST_PX and 0 < height <= MOST_PX):
            raise ValueError("a decal is no larger than it may be")
        if left + columns > width or top + rows > height:
            raise ValueError("a decal lies in its picture")
        size = columns * rows * _CHANNELS
        press = zlib.decompressobj()
        content = press.decompress(payload[_HEADER.size :], size + 1)
    except (struct.error, zlib.error) as error:
        raise ValueError(str(error)) from error
    if len(content) != size or not press.eof:
        raise ValueError("a decal is as large as it says")
    pixels = np.frombuffer(content, dtype=np.uint8).reshape(rows, columns, _CHANNELS)
    return Decal(PtsUs(pts_us), width, height, left, top, pixels)
