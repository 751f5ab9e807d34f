"""Frames whose pixels stay where the decoder put them.

A model's picture takes less than half of the rows of a large frame: what is only scaled down needs no copy of
all of it.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from av import VideoFrame
from numpy.typing import NDArray

from edged.algorithm.color import planes
from edged.algorithm.frame import Frame
from edged.capture.copying import Copier
from edged.model.frame import FrameHeader

_Planes: TypeAlias = tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]


class DecodedFrame(Frame):
    """Of planes that nobody may write to: whoever asks for `pixels` gets a copy, which the frame is from then
    on.
    """

    def __init__(self, header: FrameHeader, shown: _Planes) -> None:
        """``shown``: Y, U and V in the sizes that ``header.format`` tells; they must keep their memory."""
        self.header = header
        self._y, self._u, self._v = shown
        self._copied: NDArray[np.uint8] | None = None

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """All three planes in one piece, writable; copied at the first call. Several threads may call it at
        once, once whoever writes to it has called it.
        """
        if self._copied is None:
            pixels = self._copy()
            self._y, self._u, self._v = planes(pixels, self.header.format)
            self._copied = pixels
        return self._copied

    def copy(self) -> Frame:
        return Frame(self.header, self._copy())

    def _copy(self) -> NDArray[np.uint8]:
        pixels = np.empty(self.header.format.frame_bytes, dtype=np.uint8)
        for target, plane in zip(
            planes(pixels, self.header.format), (self._y, self._u, self._v), strict=True
        ):
            target[...] = plane
        return pixels


def frame_of(picture: VideoFrame, header: FrameHeader, copier: Copier, *, in_place: bool) -> Frame:
    """``header`` has the format that ``copier`` gives for ``picture``. Raises `SourceUnsupported`."""
    layout = copier.format_of(picture)
    shown = copier.planes_of(picture) if in_place else None
    if shown is not None:
        return DecodedFrame(header, shown)
    pixels = np.empty(layout.frame_bytes, dtype=np.uint8)
    copier.copy(picture, pixels)
    return Frame(header, pixels)
