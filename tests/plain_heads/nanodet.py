"""NanoDet (letterboxed on black, three strides) and NanoDet-Plus (stretched, four): BGR, normalised."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tests.plain_heads.shared import (
    Outputs,
    Picture,
    Raw,
    best,
    cells,
    channels_first,
    letterboxed,
    softmax,
    stretched,
)  # fmt: skip

MEAN, STD = (103.53, 116.28, 123.675), (57.375, 57.12, 58.395)


def tensor(bgr: Picture, width: int, height: int) -> NDArray[np.float32]:
    return channels_first((letterboxed(bgr, width, height, pad=0) - MEAN) / STD)


def tensor_of_plus(bgr: Picture, width: int, height: int) -> NDArray[np.float32]:
    return channels_first((stretched(bgr, width, height) - MEAN) / STD)


def found(outputs: Outputs, width: int, height: int, least: float) -> list[Raw]:
    return _found(outputs, width, height, least, (8, 16, 32), 0.5)


def found_by_plus(outputs: Outputs, width: int, height: int, least: float) -> list[Raw]:
    return _found(outputs, width, height, least, (8, 16, 32, 64), 0.0)


def _found(
    outputs: Outputs, width: int, height: int, least: float, strides: tuple[int, ...], middle: float
) -> list[Raw]:
    raws = []
    for row, (column, line, stride) in zip(outputs["output0"][0], cells(width, height, strides), strict=True):
        label_id, score = best(row[:-32])
        if score < least:
            continue
        sides = []
        for side in range(4):
            weights = softmax(row[len(row) - 32 + 8 * side :][:8])
            sides.append(stride * sum(place * weight for place, weight in enumerate(weights)))
        x, y = (column + middle) * stride, (line + middle) * stride
        box = (
            max(x - sides[0], 0),
            max(y - sides[1], 0),
            min(x + sides[2], width),
            min(y + sides[3], height),
        )
        raws.append(Raw(label_id, score, box))
    return raws
