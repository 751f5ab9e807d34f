"""From the decoder's picture to the I420 bytes of a slot, as cheaply as the picture allows.

A picture that is I420 already is copied plane by plane. All others go through swscale, which keeps
their range and matrix. Both are turned as their display matrix says. A picture that names no matrix is
taken for BT.601, and only ``yuvj`` formats and a range said to be full are full range: what swscale
assumes, so that edged and a plain ``to_ndarray(format="bgr24")`` see the same colours (measured over
19 pixel formats).
"""

from __future__ import annotations

import av.error
import numpy as np
from av import VideoFrame
from av.video.plane import VideoPlane
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from edged.capture.masks import Mask, Polygon, rasterise
from edged.capture.orientation import UPRIGHT, orientation_of
from edged.errors import SourceUnsupported
from edged.model.frame import ColorMatrix, ColorRange, FrameFormat

_PLANAR = ("yuv420p", "yuvj420p")
_FULL = 2  # AVCOL_RANGE_JPEG
_MATRICES = {1: ColorMatrix.BT709, 9: ColorMatrix.BT2020, 10: ColorMatrix.BT2020}


class Copier:
    """Copies frames of one source, scaled to ``size`` where one is asked for, under its masks."""

    def __init__(self) -> None:
        self._size: tuple[int, int] | None = None
        self._polygons: tuple[Polygon, ...] = ()
        self._shape: tuple[int, int, str, int, int, int] | None = None
        self._orientation = UPRIGHT
        self._format = FrameFormat(0, 0)
        self._mask: Mask | None = None
        self._reformatter = VideoReformatter()

    def set_output(self, size: tuple[int, int] | None, masks: tuple[Polygon, ...]) -> None:
        """Applies from the next `format_of`."""
        if (size, masks) != (self._size, self._polygons):
            self._size, self._polygons = size, masks
            self._shape = None

    def format_of(self, frame: VideoFrame) -> FrameFormat:
        """The format in which `copy` puts this frame; the same object as long as nothing changes."""
        pixels = frame.format.name
        shape = (
            frame.width,
            frame.height,
            pixels,
            int(frame.color_range),
            int(frame.colorspace),
            frame.rotation,
        )
        if shape != self._shape:
            self._shape = shape
            self._orientation = orientation_of(frame)
            width, height = self._size or self._turned(frame.width, frame.height)
            full = pixels.startswith("yuvj") or frame.color_range == _FULL
            color_range = ColorRange.FULL if full else ColorRange.LIMITED
            matrix = _MATRICES.get(int(frame.colorspace), ColorMatrix.BT601)
            self._format = FrameFormat(width, height, color_range, matrix)
            self._mask = rasterise(self._polygons, self._format) if self._polygons else None
        return self._format

    def copy(self, frame: VideoFrame, into: NDArray[np.uint8]) -> None:
        """Fill ``into``, (frame_bytes,) of the format that `format_of` gave for this frame.

        Raises SourceUnsupported for pixels that cannot be converted.
        """
        start = 0
        for plane in self._planar(frame).planes:
            end = start + plane.width * plane.height
            source = np.frombuffer(memoryview(plane), np.uint8)
            if plane.line_size == plane.width and self._orientation is UPRIGHT:
                into[start:end] = source
            else:
                rows = source.reshape(plane.height, plane.line_size)
                shown = self._orientation.turn(rows[:, : plane.width])
                into[start:end].reshape(shown.shape)[...] = shown
            start = end
        if self._mask is not None:
            self._mask.cover(into)

    def planes_of(
        self, frame: VideoFrame
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]] | None:
        """What `copy` would copy, where it lies: Y, U and V in the shapes of `format_of`, as contiguous
        read-only views that keep the picture. None: it must be converted, turned, masked or cut out.
        """
        if self._mask is not None or self._orientation is not UPRIGHT or not self._is_planar(frame):
            return None
        if any(plane.line_size != plane.width for plane in frame.planes):
            return None
        luma, blue, red = (_view(plane) for plane in frame.planes)
        return luma, blue, red

    def _turned(self, width: int, height: int) -> tuple[int, int]:
        return (height, width) if self._orientation.transposed else (width, height)

    def _is_planar(self, frame: VideoFrame) -> bool:
        size = self._turned(self._format.width, self._format.height)
        return frame.format.name in _PLANAR and (frame.width, frame.height) == size

    def _planar(self, frame: VideoFrame) -> VideoFrame:
        if self._is_planar(frame):
            return frame
        width, height = self._turned(self._format.width, self._format.height)
        pixels = "yuvj420p" if self._format.color_range is ColorRange.FULL else "yuv420p"
        try:
            return self._reformatter.reformat(frame, width, height, pixels, threads=1)
        except (av.error.FFmpegError, ValueError) as error:
            raise SourceUnsupported(
                f"pictures of {frame.width}x{frame.height} {frame.format.name} cannot be converted"
                f" to {width}x{height} YUV 4:2:0"
            ) from error


def _view(plane: VideoPlane) -> NDArray[np.uint8]:
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.width)
    rows.flags.writeable = False
    return rows
