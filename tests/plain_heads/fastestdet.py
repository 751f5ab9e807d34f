"""FastestDet: BGR, 0-1, stretched; one grid."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from tests.plain_heads.shared import (
    Outputs,
    Picture,
    Raw,
    around,
    best,
    channels_first,
    sigmoid,
    stretched,
)  # fmt: skip


def tensor(bgr: Picture, width: int, height: int) -> NDArray[np.float32]:
    return channels_first(stretched(bgr, width, height)) / 255


def found(outputs: Outputs, width: int, height: int, least: float) -> list[Raw]:
    (planes,) = next(iter(outputs.values()))
    raws = []
    for row in range(planes.shape[1]):
        for column in range(planes.shape[2]):
            cell = planes[:, row, column]
            label_id, likely = best(cell[5:])
            score = float(cell[0]) ** 0.6 * likely**0.4
            if score < least:
                continue
            x = (column + math.tanh(cell[1])) / planes.shape[2] * width
            y = (row + math.tanh(cell[2])) / planes.shape[1] * height
            raws.append(
                Raw(label_id, score, around(x, y, sigmoid(cell[3]) * width, sigmoid(cell[4]) * height))
            )
    return raws
