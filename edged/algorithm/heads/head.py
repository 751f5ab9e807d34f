"""What a head is: the picture it wants and how its output becomes boxes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edged.algorithm.color import Color
from edged.algorithm.frame import Anchor, Fit
from edged.algorithm.params import ParamsInvalid
from edged.algorithm.session import Session
from edged.errors import AlgorithmError


@dataclass(frozen=True, slots=True)
class Candidates:
    """Boxes before non-maximum suppression."""

    boxes: NDArray[np.float32]
    """``(n, 4)``: x_min, y_min, x_max, y_max in pixels of the model's input."""
    scores: NDArray[np.float32]
    """``(n,)``."""
    label_ids: NDArray[np.intp]
    """``(n,)``: each box's best class."""


@dataclass(frozen=True, slots=True)
class Head:
    """One family of detectors."""

    name: str
    output: str
    """The output it recognises, for people."""
    color: Color
    scale: float
    """Each 8-bit value is multiplied by it."""
    fit: Fit
    anchor: Anchor
    classes: Callable[[tuple[int, ...], int, int], int | None]
    """``classes(shape, width, height)``: how many classes an output of this shape has for an input of this
    size; None where the output is not this head's."""
    decode: Callable[[NDArray[np.float32], int, int, float], Candidates]
    """``decode(output, width, height, score)``: the boxes that reach ``score``; ``output`` has no batch."""


@dataclass(frozen=True, slots=True)
class ModelInput:
    """The picture that a model takes: batch of one, channels first or last."""

    width: int
    height: int
    channels_last: bool
    dtype: np.dtype[Any]

    @classmethod
    def of(cls, session: Session, open_size: tuple[int, int] | None) -> ModelInput:
        """Read it from the model; ``open_size`` (width, height) for a model that leaves its size open.

        Raises `AlgorithmError` where the model takes no picture of three channels.
        """
        tensor = session.inputs[0]
        wanted = f"{session.path.name}: a detector takes one picture, 1x3xHxW or 1xHxWx3; its inputs are"
        if len(session.inputs) != 1 or len(tensor.shape) != 4:
            raise AlgorithmError(f"{wanted} {', '.join(str(each) for each in session.inputs)}")
        batch, *sizes = tensor.shape
        if batch not in (None, 1):
            raise AlgorithmError(f"{session.path.name}: its batch is fixed at {batch}; export it with 1")
        channels_last = sizes[2] == 3 and sizes[0] != 3
        height, width = sizes[:2] if channels_last else sizes[1:]
        if not channels_last and sizes[0] not in (3, None):
            raise AlgorithmError(f"{wanted} {tensor}")
        open_width, open_height = open_size or (width or 640, height or 640)
        if (width, height) != (None, None) and open_size and (width, height) != open_size:
            raise ParamsInvalid(f"{session.path.name} takes {width}x{height} only", path="input_size")
        return cls(width or open_width, height or open_height, channels_last, tensor.dtype)

    def feed(self, pixels: NDArray[np.uint8], scale: float) -> NDArray[Any]:
        """Turn ``(height, width, 3)`` uint8 into the model's input, each value times ``scale``."""
        if self.channels_last:
            plain = pixels[np.newaxis]
            return (plain if self.dtype == np.uint8 else plain * self.dtype.type(scale)).astype(self.dtype)
        batch = np.empty((1, 3, self.height, self.width), dtype=self.dtype)
        for place, channel in enumerate(cv2.split(pixels)):
            if scale == 1.0 or self.dtype == np.uint8:
                batch[0, place] = channel
            else:
                np.multiply(channel, self.dtype.type(scale), out=batch[0, place])
        return batch


def cells(width: int, height: int, strides: tuple[int, ...]) -> int:
    """How many cells the grids of ``strides`` have together."""
    return sum((width // stride) * (height // stride) for stride in strides)
