"""Pictures through a model that takes one at a time, a few, or any number: the caller need not know which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edged.algorithm.image_input import AS_IT_IS, ImageInput, Scaling
from edged.algorithm.session import Session
from edged.errors import AlgorithmError

_MOST_AT_ONCE = 32
"""Pictures in one run of a model with an open batch: more gain nothing and take memory."""


def run_batches(
    session: Session,
    image: ImageInput,
    pictures: Sequence[NDArray[np.uint8]],
    scaling: Scaling = AS_IT_IS,
) -> list[NDArray[Any]]:
    """Run ``pictures`` (as `ImageInput.feed` takes them) through a model of one input, in as few runs as its
    batch allows.

    Returns each output with one row per picture, in order; without pictures the model does not run and
    each output has no rows. Raises `AlgorithmError` for a model that wants more than pictures, or gives
    back another number of rows.
    """
    if len(session.inputs) != 1:
        inputs = ", ".join(str(each) for each in session.inputs)
        raise AlgorithmError(f"{session.path.name}: it must take pictures only; its inputs are {inputs}")
    if not pictures:
        return [
            np.zeros((0, *(size or 0 for size in each.shape[1:])), each.dtype) for each in session.outputs
        ]
    size = image.batch or min(len(pictures), _MOST_AT_ONCE)
    parts = [
        _run_one(session, image.feed(pictures[first : first + size], scaling), size if image.batch else None)
        for first in range(0, len(pictures), size)
    ]
    return parts[0] if len(parts) == 1 else [np.concatenate(rows) for rows in zip(*parts, strict=True)]


def _run_one(session: Session, batch: NDArray[Any], fixed: int | None) -> list[NDArray[Any]]:
    """``batch`` is filled up to a ``fixed`` number; what comes back for the filling is left out."""
    count = len(batch)
    if fixed is not None and count < fixed:
        batch = np.concatenate((batch, np.repeat(batch[-1:], fixed - count, axis=0)))
    outputs = session.run(batch)
    for declared, output in zip(session.outputs, outputs, strict=True):
        if np.shape(output)[:1] != (len(batch),):
            raise AlgorithmError(
                f"{session.path.name}: {declared.name} has the shape {np.shape(output)} for {len(batch)} "
                "pictures; export it with the batch as its first dimension"
            )
    return [output[:count] for output in outputs]
