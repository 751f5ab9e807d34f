"""YOLOv5, YOLOv8, YOLOv10's and YOLOv7's exports with suppression: RGB, 0-1, letterboxed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tests.plain_heads.shared import Outputs, Picture, Raw, around, best, channels_first, letterboxed, rgb


def tensor(bgr: Picture, width: int, height: int) -> NDArray[np.float32]:
    return channels_first(rgb(letterboxed(bgr, width, height, pad=114))) / 255


def found_by_yolov5(outputs: Outputs, width: int, height: int, least: float) -> list[Raw]:
    raws = []
    for row in outputs["output0"][0]:
        x, y, w, h, objectness = (float(value) for value in row[:5])
        label_id, score = best(row[5:])
        raws.append(Raw(label_id, objectness * score, around(x, y, w, h)))
    return [raw for raw in raws if raw.score >= least]


def found_by_yolov8(outputs: Outputs, width: int, height: int, least: float) -> list[Raw]:
    table = outputs["output0"][0]
    raws = []
    for cell in range(table.shape[1]):
        x, y, w, h = (float(value) for value in table[:4, cell])
        raws.append(Raw(*best(table[4:, cell]), around(x, y, w, h)))
    return [raw for raw in raws if raw.score >= least]


def found_end2end(outputs: Outputs, width: int, height: int, least: float) -> list[Raw]:
    rows = outputs["output0"][0].tolist()
    return [Raw(int(row[5]), row[4], tuple(row[:4])) for row in rows if row[4] >= least]


def found_by_yolov7_end2end(outputs: Outputs, width: int, height: int, least: float) -> list[Raw]:
    rows = outputs["output0"].tolist()
    return [Raw(int(row[5]), row[6], tuple(row[1:5])) for row in rows if row[6] >= least]
