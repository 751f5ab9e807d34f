"""RT-DETR: RGB, 0-1, stretched."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tests.plain_heads.shared import Outputs, Picture, Raw, around, best, channels_first, rgb, stretched


def tensor(bgr: Picture, width: int, height: int) -> NDArray[np.float32]:
    return channels_first(rgb(stretched(bgr, width, height))) / 255


def found(outputs: Outputs, width: int, height: int, least: float) -> list[Raw]:
    """``boxes`` are fractions here: the model multiplies them by the size it is given."""
    raws = []
    for label_id, box, score in zip(
        *(outputs[name][0].tolist() for name in ("labels", "boxes", "scores")), strict=True
    ):
        scaled = (box[0] * width, box[1] * height, box[2] * width, box[3] * height)
        raws.append(Raw(int(label_id), score, scaled))
    return [raw for raw in raws if raw.score >= least]


def found_by_ultralytics(outputs: Outputs, width: int, height: int, least: float) -> list[Raw]:
    raws = []
    for row in outputs["output0"][0]:
        x, y, w, h = (float(value) for value in row[:4])
        raws.append(Raw(*best(row[4:]), around(x * width, y * height, w * width, h * height)))
    return [raw for raw in raws if raw.score >= least]
