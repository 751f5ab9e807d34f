"""The pictures that a `BaseAlgo` asks for, made of the planes without a full-size copy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edged.algorithm.color import Color
from edged.algorithm.frame import Anchor, Fit, Frame
from edged.algorithm.returned import Shown


@dataclass(frozen=True, slots=True)
class Wanted:
    """Size, colour and fit; by default frames as they are, in BGR."""

    size: tuple[int, int] | None = None
    """Width and height; None: the frame's."""
    color: Color = Color.BGR
    resize: Fit = Fit.STRETCH

    def but(self, *, size: tuple[int, int] | None, color: str | None, resize: str | None) -> Wanted:
        """The same with what is given; raises `TypeError` for what cannot be, in the user's words."""
        if size is not None and (
            not isinstance(size, tuple)
            or len(size) != 2
            or not all(isinstance(side, int) and side > 0 for side in size)
        ):
            raise TypeError(f"size={size!r}: width and height are wanted, as size=(320, 320)")
        if color is not None and color not in tuple(Color):
            raise TypeError(f"color={color!r} is not one of {', '.join(Color)}")
        if resize is not None and resize not in tuple(Fit):
            raise TypeError(f"resize={resize!r} is not one of {', '.join(Fit)}")
        return Wanted(
            size or self.size,
            self.color if color is None else Color(color),
            self.resize if resize is None else Fit(resize),
        )

    def picture(self, frame: Frame) -> NDArray[np.uint8]:
        """``frame`` as it is wanted, in an array of its own."""
        if self.size is None and self.color == Color.BGR:
            return frame.bgr()
        width, height = self.size or (frame.width, frame.height)
        picture = frame.picture(width, height, fit=self.resize, anchor=Anchor.CENTER, color=self.color)
        return picture.pixels

    def shown(self, frame: Frame) -> Shown:
        """Where the frame lies in `picture`."""
        if self.size is None:
            return Shown(frame.width, frame.height)
        width, height = self.size
        if self.resize == Fit.STRETCH:
            return Shown(width, height)
        ratio = min(width / frame.width, height / frame.height)
        inner_width, inner_height = max(1, round(frame.width * ratio)), max(1, round(frame.height * ratio))
        return Shown(inner_width, inner_height, (width - inner_width) // 2, (height - inner_height) // 2)
