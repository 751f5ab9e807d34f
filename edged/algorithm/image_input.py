"""The picture that a model takes: its size, layout and numbers; and how a frame becomes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edged.algorithm.params import ParamsInvalid
from edged.algorithm.session import Session, Tensor
from edged.errors import AlgorithmError


@dataclass(frozen=True, slots=True)
class Scaling:
    """From 8-bit values to the model's: ``(value * scale - mean) / std``, each channel its own."""

    scale: float = 1.0
    mean: tuple[float, ...] = ()
    """One a channel, in the order of the picture's; empty: 0."""
    std: tuple[float, ...] = ()
    """Empty: 1."""

    def line(self, channel: int) -> tuple[float, float]:
        """``(factor, offset)`` of a channel: value * factor + offset."""
        mean = self.mean[channel % len(self.mean)] if self.mean else 0.0
        std = self.std[channel % len(self.std)] if self.std else 1.0
        return self.scale / std, -mean / std


AS_IT_IS = Scaling()


@dataclass(frozen=True, slots=True)
class ImageInput:
    """One input of a model that is a picture, or a batch of them."""

    name: str
    width: int
    height: int
    channels: int
    """3, or 1 for a gray picture."""
    channels_last: bool
    dtype: np.dtype[Any]
    batch: int | None
    """How many pictures it takes at once; None: any number."""

    @classmethod
    def of(
        cls,
        session: Session,
        open_size: tuple[int, int] | None = None,
        *,
        default: tuple[int, int] = (640, 640),
    ) -> ImageInput:
        """The first input of four dimensions with 1 or 3 channels; other inputs are the caller's business.

        ``open_size`` (width, height) is for a model that leaves its size open; ``default`` without. Raises
        `AlgorithmError` where the model takes no picture, `ParamsInvalid` for a size it does not take.
        """
        tensor = next((tensor for tensor in session.inputs if _channels(tensor) is not None), None)
        if tensor is None:
            given = ", ".join(str(each) for each in session.inputs)
            raise AlgorithmError(
                f"{session.path.name} takes no picture (1x3xHxW, 1xHxWx3 or with one channel); "
                f"its inputs are {given}"
            )
        channels, channels_last = _channels(tensor) or (3, False)
        height, width = tensor.shape[1:3] if channels_last else tensor.shape[2:4]
        open_width, open_height = open_size or default
        if open_size and ((width or open_width), (height or open_height)) != open_size:
            raise ParamsInvalid(f"{session.path.name} takes {width}x{height} only", path="input_size")
        return cls(
            tensor.name, width or open_width, height or open_height, channels, channels_last,
            tensor.dtype, tensor.shape[0],
        )  # fmt: skip

    def check_single(self, model: str) -> None:
        """Raises `AlgorithmError` for a model that cannot take one picture alone."""
        if self.batch not in (None, 1):
            raise AlgorithmError(
                f"{model}: its batch is fixed at {self.batch}; export it with 1, or with any"
            )

    def feed(self, pictures: Sequence[NDArray[np.uint8]], scaling: Scaling = AS_IT_IS) -> NDArray[Any]:
        """Turn pictures, ``(height, width, 3)`` or ``(height, width)`` uint8 in the model's order of
        channels, into one batch of its layout and dtype. A model of uint8 gets them as they are.
        """
        size = (self.height, self.width)
        shape = (*size, self.channels) if self.channels_last else (self.channels, *size)
        batch = np.empty((len(pictures), *shape), dtype=self.dtype)
        lines = [scaling.line(channel) for channel in range(self.channels)]
        if self.dtype == np.uint8:
            lines = [(1.0, 0.0)] * self.channels
        for place, picture in enumerate(pictures):
            channels = (picture,) if picture.ndim == 2 else cv2.split(picture)
            for number, (channel, line) in enumerate(zip(channels, lines, strict=True)):
                target = batch[place, ..., number] if self.channels_last else batch[place, number]
                _fill(target, np.asarray(channel), line)
        return batch


def _fill(target: NDArray[Any], channel: NDArray[Any], line: tuple[float, float]) -> None:
    factor, offset = line
    if (factor, offset) == (1.0, 0.0):
        target[...] = channel
        return
    np.multiply(channel, target.dtype.type(factor), out=target)
    if offset:
        target += target.dtype.type(offset)


def _channels(tensor: Tensor) -> tuple[int, bool] | None:
    """(number, whether they come last); None: it is no picture."""
    if len(tensor.shape) != 4:
        return None
    first, last = tensor.shape[1], tensor.shape[3]
    for number in (3, 1):
        if first == number:
            return number, False
        if last == number:
            return number, True
    return (3, False) if first is None else None
