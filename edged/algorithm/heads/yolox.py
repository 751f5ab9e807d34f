"""YOLOX: anchor-free grids with an objectness of their own (https://arxiv.org/abs/2107.08430).

The output is raw, as the project's own export makes it: offsets in cells and logarithms of sizes.
The input is BGR, 0-255, letterboxed to the top left.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from edged.algorithm.color import Color
from edged.algorithm.frame import Anchor, Fit
from edged.algorithm.heads.head import Candidates, Head, cells

_STRIDES = ((8, 16, 32), (8, 16, 32, 64))
_LARGEST_LOG = 10.0
"""exp(10) cells are wider than any picture; more would overflow."""


def classes(shape: tuple[int, ...], width: int, height: int) -> int | None:
    if len(shape) != 3 or shape[2] < 6 or _strides(shape[1], width, height) is None:
        return None
    return shape[2] - 5


def decode(output: NDArray[np.float32], width: int, height: int, score: float) -> Candidates:
    """``output``: ``(cells, 5 + classes)``: dx, dy, log w, log h, objectness, classes."""
    kept = np.flatnonzero(output[:, 4] >= score)
    rows = output[kept]
    label_ids = rows[:, 5:].argmax(axis=1)
    scores = rows[:, 4] * rows[np.arange(len(rows)), 5 + label_ids]
    origin, stride = _grid(len(output), width, height)
    centers = (rows[:, :2] + origin[kept]) * stride[kept]
    halves = np.exp(np.minimum(rows[:, 2:4], _LARGEST_LOG)) * stride[kept] / 2
    boxes = np.concatenate((centers - halves, centers + halves), axis=1)
    good = scores >= score
    return Candidates(boxes[good], scores[good], label_ids[good])


def _strides(count: int, width: int, height: int) -> tuple[int, ...] | None:
    return next((strides for strides in _STRIDES if cells(width, height, strides) == count), None)


@functools.lru_cache(maxsize=8)
def _grid(count: int, width: int, height: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Each cell's place ``(count, 2)`` and stride ``(count, 1)``."""
    origins, strides = [], []
    for stride in _strides(count, width, height) or ():
        across, down = np.meshgrid(np.arange(width // stride), np.arange(height // stride))
        origins.append(np.stack((across.ravel(), down.ravel()), axis=1))
        strides.append(np.full((across.size, 1), stride))
    return np.concatenate(origins).astype(np.float32), np.concatenate(strides).astype(np.float32)


YOLOX = Head(
    name="yolox",
    output="1 x cells x (5 + classes), the cells of strides 8, 16, 32 (and 64)",
    color=Color.BGR,
    scale=1.0,
    fit=Fit.LETTERBOX,
    anchor=Anchor.TOP_LEFT,
    classes=classes,
    decode=decode,
)
