"""What a detector's model is given: its picture, and the size where it asks for that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edged.algorithm.heads.signature import Outputs, Signature
from edged.algorithm.image_input import AS_IT_IS, ImageInput, Scaling
from edged.algorithm.session import Session
from edged.errors import AlgorithmError

SIZE_INPUT = "orig_target_sizes"
"""RT-DETR's second input: width and height that its boxes are to be scaled to."""
_GRAY = 114
_SMALL = Scaling(1 / 255)
"""Within what any model takes: for one that wants more it is a dark picture."""


class Feeding:
    """Runs one model on one picture at a time."""

    def __init__(self, session: Session, image: ImageInput) -> None:
        """``image`` is of ``session``. Raises `AlgorithmError` for another input that nobody can fill."""
        image.check_single(session.path.name)
        self.session = session
        self.image = image
        self._others = _others(session, image)
        self._names = tuple(output.name for output in session.outputs)

    def run(self, pixels: NDArray[np.uint8], scaling: Scaling = AS_IT_IS) -> Outputs:
        """Run it on ``(height, width, 3)`` uint8 in the model's order of channels, or ``(height, width)``.

        float16 becomes float32. Raises `AlgorithmError` where the run fails or any output is not finite.
        """
        return self.read(self.answer(self.image.feed([pixels], scaling)))

    def answer(self, feed: NDArray[Any]) -> Sequence[NDArray[Any]]:
        """What the model returns for its picture, ``(1, …)`` as `ImageInput.feed` made it."""
        return self.session.run({self.image.name: feed, **self._others})

    def read(self, answer: Sequence[NDArray[Any]]) -> Outputs:
        """See `run`."""
        arrays = tuple(_plain(array) for array in answer)
        if not all(_finite(array) for array in arrays):
            raise AlgorithmError(
                f"{self.session.path.name} returned NaN or infinite numbers: a model of float16 may overflow,"
                " and so may one that wants another scale; try the export with float32"
            )
        return Outputs(self._names, arrays, self.image.width, self.image.height)

    def signature(self) -> Signature:
        """What the model says of itself and returns for a gray picture; warms it up."""
        size = (self.image.height, self.image.width)
        shape = size if self.image.channels == 1 else (*size, 3)
        blank = np.full(shape, _GRAY, dtype=np.uint8)
        return Signature(self.run(blank, _SMALL), self.session.inputs, self.session.metadata)


def _others(session: Session, image: ImageInput) -> dict[str, NDArray[Any]]:
    others: dict[str, NDArray[Any]] = {}
    for tensor in session.inputs:
        if tensor.name == SIZE_INPUT:
            others[tensor.name] = np.array([[image.width, image.height]], dtype=tensor.dtype)
        elif tensor.name != image.name:
            raise AlgorithmError(
                f"{session.path.name} wants {tensor} beside its picture, which a detector cannot give: "
                f"export it with one input (only {SIZE_INPUT} is known besides)"
            )
    return others


def _plain(array: Any) -> NDArray[Any]:
    plain = np.asarray(array)
    return plain.astype(np.float32) if plain.dtype in (np.float16, np.float64) else plain


def _finite(array: NDArray[Any]) -> bool:
    if array.dtype != np.float32 or not array.size:
        return True
    flat = array.reshape(-1)
    # the sum of squares is not finite if any value is not; where it overflows, each is looked at
    with np.errstate(over="ignore", invalid="ignore"):
        quick = bool(np.isfinite(np.dot(flat, flat)))
    return quick or bool(np.isfinite(flat).all())
