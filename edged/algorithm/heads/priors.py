"""The priors of an SSD: boxes that its outputs are offsets from.

"SSD: Single Shot MultiBox Detector" (https://arxiv.org/abs/1512.02325), section 2.2: of each cell of
each map a small square, one of the geometric mean of the small and the large size, and the small one
stretched by each ratio and its inverse, in this order; then the next cell, row by row.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from edged.algorithm.base import AlgorithmParams


class PriorMap(AlgorithmParams):
    """One of an SSD's maps; sizes in pixels of the model's input."""

    cells: int = Field(ge=1, le=512, description="on a side of the map")
    step: float = Field(gt=0, description="from cell to cell")
    smallest: float = Field(gt=0, description="side of the small square")
    largest: float = Field(gt=0, description="side of the small square of the next map")
    ratios: tuple[float, ...] = Field((2.0, 3.0), description="of width to height")


PriorMaps = tuple[PriorMap, ...]


def _maps(*rows: tuple[int, float, float, float, tuple[float, ...]]) -> PriorMaps:
    return tuple(
        PriorMap(cells=cells, step=step, smallest=smallest, largest=largest, ratios=ratios)
        for cells, step, smallest, largest, ratios in rows
    )


PRESETS: dict[str, PriorMaps] = {
    "ssd300": _maps(
        (38, 8, 30, 60, (2,)), (19, 16, 60, 111, (2, 3)), (10, 32, 111, 162, (2, 3)),
        (5, 64, 162, 213, (2, 3)), (3, 100, 213, 264, (2,)), (1, 300, 264, 315, (2,)),
    ),
    "ssd300-coco": _maps(
        (38, 8, 21, 45, (2,)), (19, 16, 45, 99, (2, 3)), (10, 32, 99, 153, (2, 3)),
        (5, 64, 153, 207, (2, 3)), (3, 100, 207, 261, (2,)), (1, 300, 261, 315, (2,)),
    ),
    "ssd300-mobilenet": _maps(
        (19, 16, 60, 105, (2, 3)), (10, 32, 105, 150, (2, 3)), (5, 64, 150, 195, (2, 3)),
        (3, 100, 195, 240, (2, 3)), (2, 150, 240, 285, (2, 3)), (1, 300, 285, 330, (2, 3)),
    ),
}  # fmt: skip
"""VGG-16's for VOC and for COCO (8732 priors), and those of MobileNet in qfgaohao/pytorch-ssd (3000)."""


def count_of(maps: Sequence[PriorMap]) -> int:
    """How many priors the maps have together."""
    return sum(each.cells**2 * (2 + 2 * len(each.ratios)) for each in maps)


@functools.lru_cache(maxsize=8)
def priors_of(maps: PriorMaps, width: int, height: int) -> NDArray[np.float32]:
    """``(n, 4)``: x, y of the centre, width, height as fractions of an input of ``width`` x ``height``."""
    size = np.array([width, height])
    priors = np.clip(np.concatenate([_of_map(each, size) for each in maps]), 0, 1)
    return np.asarray(priors, dtype=np.float32)


def _of_map(one: PriorMap, size: NDArray[np.intp]) -> NDArray[np.float64]:
    middle = math.sqrt(one.smallest * one.largest)
    sides = [(one.smallest, one.smallest), (middle, middle)]
    for ratio in one.ratios:
        wide, narrow = one.smallest * math.sqrt(ratio), one.smallest / math.sqrt(ratio)
        sides += [(wide, narrow), (narrow, wide)]
    across, down = np.meshgrid(np.arange(one.cells), np.arange(one.cells))
    places = (np.stack((across.ravel(), down.ravel()), axis=1) + 0.5) * one.step / size
    shapes = np.array(sides) / size
    return np.concatenate((np.repeat(places, len(shapes), axis=0), np.tile(shapes, (len(places), 1))), axis=1)
