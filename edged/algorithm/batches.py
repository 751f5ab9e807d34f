"""Many things through a model that takes one at a time, a few, or any number: no caller need know which."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from edged.algorithm.session import Session
from edged.errors import AlgorithmError

_MOST_AT_ONCE = 32
"""Fed together, and in one run where the batch is open: more gain nothing and take memory."""

T = TypeVar("T")


def run_batches(
    session: Session, batch: int | None, items: Sequence[T], feed: Callable[[Sequence[T]], NDArray[Any]]
) -> list[NDArray[Any]]:
    """Run a model of one input on all ``items``, in as few runs as its ``batch`` (None: open) allows.

    ``feed`` makes the input for some of them, one row each, maybe for several runs. Returns each output with
    one row per item, in order; without items the model does not run and outputs have no rows. Raises
    `AlgorithmError` where the model gives back another number of rows.
    """
    if not items:
        return [
            np.zeros((0, *(size or 0 for size in each.shape[1:])), each.dtype) for each in session.outputs
        ]
    size = batch or _MOST_AT_ONCE
    together = size * max(1, _MOST_AT_ONCE // size)
    parts: list[list[NDArray[Any]]] = []
    for first in range(0, len(items), together):
        # all of them first, then the runs: after a run the frame has left the processor's cache
        rows = feed(items[first : first + together])
        parts += [
            _run(session, rows[begin : begin + size], batch or 0) for begin in range(0, len(rows), size)
        ]
    return parts[0] if len(parts) == 1 else [np.concatenate(rows) for rows in zip(*parts, strict=True)]


def runs_for(batch: int | None, count: int) -> int:
    """How many runs `run_batches` takes for ``count`` items."""
    return -(-count // (batch or _MOST_AT_ONCE))


def _run(session: Session, rows: NDArray[Any], least: int) -> list[NDArray[Any]]:
    """Rows are filled up to ``least``; what comes back for the filling is left out."""
    count = len(rows)
    if count < least:
        rows = np.concatenate((rows, np.repeat(rows[-1:], least - count, axis=0)))
    outputs = [np.asarray(output) for output in session.run(rows)]
    for declared, output in zip(session.outputs, outputs, strict=True):
        if output.shape[:1] != (len(rows),):
            sizes = "x".join(str(size) for size in output.shape) or "a single number"
            raise AlgorithmError(
                f"{session.path.name}: {declared.name} is {sizes} for a batch of {len(rows)}: "
                "export it with the batch as the first dimension"
            )
    return [output[:count] for output in outputs]
