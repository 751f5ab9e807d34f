"""What is masked is black before anybody looks, as a capture sees to it in realtime."""

from __future__ import annotations

from collections.abc import Iterable

from edged.algorithm.frame import Frame
from edged.capture.masks import Mask, rasterise
from edged.model.frame import FrameFormat
from edged.model.scene import Scene
from edged.offline.reading.reader import Look


class Covering:
    """Of one video, in its order; each frame is covered once."""

    def __init__(self, scene: Scene | None) -> None:
        self._polygons = tuple(scene.masks.values()) if scene else ()
        self._mask: tuple[FrameFormat, Mask] | None = None
        self._covered: dict[int, Frame] = {}

    def cover(self, look: Look) -> None:
        """Changes the pixels of its frames."""
        if not self._polygons:
            return
        frames = {frame.header.index: frame for frame in _frames(look)}
        for index, frame in frames.items():
            if self._covered.get(index) is not frame:
                self._mask_for(frame.header.format).cover(frame.pixels)
        self._covered = frames

    def _mask_for(self, layout: FrameFormat) -> Mask:
        if self._mask is None or self._mask[0] != layout:
            self._mask = (layout, rasterise(self._polygons, layout))
        return self._mask[1]


def _frames(look: Look) -> Iterable[Frame]:
    yield from (frame for window in look.windows for frame in window)
    if look.frame is not None:
        yield look.frame
