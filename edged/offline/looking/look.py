"""One look at a model: what it takes, and what came out when it was shown something gray."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edged.algorithm.session import Session, Tensor
from edged.errors import AlgorithmError
from edged.model.trying import TensorCard

_OPEN_SIDE = 640
"""Pixels, of an input that leaves its size open."""
_GRAY = 114


@dataclass(frozen=True, slots=True)
class Look:
    """A model and what it returned."""

    session: Session
    outputs: tuple[NDArray[Any], ...] = ()
    """Empty: it did not run."""
    error: str = ""
    """Why not."""

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        return tuple(np.shape(output) for output in self.outputs)

    def input_cards(self) -> tuple[TensorCard, ...]:
        return tuple(_card(tensor) for tensor in self.session.inputs)

    def output_cards(self) -> tuple[TensorCard, ...]:
        """With the range of their numbers where it ran."""
        if not self.outputs:
            return tuple(_card(tensor) for tensor in self.session.outputs)
        pairs = zip(self.session.outputs, self.outputs, strict=True)
        return tuple(_card(tensor, output) for tensor, output in pairs)


def look_at(session: Session) -> Look:
    """Run a model once on gray."""
    try:
        outputs = session.run({tensor.name: gray(tensor) for tensor in session.inputs})
    except AlgorithmError as error:
        return Look(session, error=str(error))
    return Look(session, tuple(np.asarray(output) for output in outputs))


def gray(tensor: Tensor) -> NDArray[Any]:
    """Something that an input takes: gray of 0-255 in whole numbers, of 0-1 in others.

    Raises `AlgorithmError` for an input that is no numbers.
    """
    if tensor.dtype.kind not in "uifb":
        raise AlgorithmError(f"its input {tensor} takes no numbers")
    value = _GRAY if tensor.dtype.kind in "ui" else _GRAY / 255
    return np.full(_sizes(tensor), value, dtype=tensor.dtype)


def _sizes(tensor: Tensor) -> tuple[int, ...]:
    """One of a batch, three channels, sides of `_OPEN_SIDE`; anything else that is left open is 1."""
    if len(tensor.shape) != 4:
        return tuple(size or 1 for size in tensor.shape)
    channels_last = tensor.shape[3] in (1, 3) and tensor.shape[1] not in (1, 3)
    usual = (1, _OPEN_SIDE, _OPEN_SIDE, 3) if channels_last else (1, 3, _OPEN_SIDE, _OPEN_SIDE)
    return tuple(size or one for size, one in zip(tensor.shape, usual, strict=True))


def _card(tensor: Tensor, output: NDArray[Any] | None = None) -> TensorCard:
    shape = tensor.shape if output is None else output.shape
    sizes = "x".join("?" if size is None else str(size) for size in shape) or "scalar"
    if output is None or output.dtype.kind not in "uifb" or output.size == 0:
        return TensorCard(tensor.name, sizes, tensor.dtype.name)
    numbers = output.astype(np.float64).ravel()
    finite = numbers[np.isfinite(numbers)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (None, None)
    return TensorCard(tensor.name, sizes, tensor.dtype.name, low, high, int(numbers.size - finite.size))
