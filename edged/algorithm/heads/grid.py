"""The cells of a detector's grids: one grid for each stride, laid over the model's input."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Strides = tuple[int, ...]
STRIDES: tuple[Strides, ...] = ((8, 16, 32), (8, 16, 32, 64))
"""Of the small and the large models of most families."""


def cells(width: int, height: int, strides: Sequence[int]) -> int:
    """How many cells the grids of ``strides`` have together; a cell that the edge cuts counts."""
    return sum(-(-width // stride) * -(-height // stride) for stride in strides)


def strides_of(count: int, width: int, height: int, known: Sequence[Strides] = STRIDES) -> Strides | None:
    """Which of the ``known`` strides give ``count`` cells; None: none of them."""
    return next((strides for strides in known if cells(width, height, strides) == count), None)


@functools.lru_cache(maxsize=16)
def grid(width: int, height: int, strides: Strides) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Each cell's column and row ``(cells, 2)`` and stride ``(cells, 1)``; row by row, stride by stride."""
    places, steps = [], []
    for stride in strides:
        across, down = np.meshgrid(np.arange(-(-width // stride)), np.arange(-(-height // stride)))
        places.append(np.stack((across.ravel(), down.ravel()), axis=1))
        steps.append(np.full((across.size, 1), stride))
    return np.concatenate(places).astype(np.float32), np.concatenate(steps).astype(np.float32)
