"""SSD in its kinds of exports: RGB, stretched, each with numbers of its own."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tests.plain_heads.shared import (
    Outputs,
    Picture,
    Raw,
    around,
    best,
    channels_first,
    rgb,
    softmax,
    stretched,
)  # fmt: skip

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

MOBILENET = ((19, 16, 60, 105), (10, 32, 105, 150), (5, 64, 150, 195), (3, 100, 195, 240),
             (2, 150, 240, 285), (1, 300, 285, 330))  # fmt: skip
"""Cells on a side, step, small and large size: of MobileNet at 300 pixels."""


def tensor(bgr: Picture, width: int, height: int) -> NDArray[np.float32]:
    return channels_first((rgb(stretched(bgr, width, height)) - 127) / 128)


def tensor_of_zoo(bgr: Picture, width: int, height: int) -> NDArray[np.float32]:
    return channels_first((rgb(stretched(bgr, width, height)) / 255 - MEAN) / STD)


def tensor_of_tensorflow(bgr: Picture, width: int, height: int) -> NDArray[np.float32]:
    return rgb(stretched(bgr, width, height))[np.newaxis]


def found(outputs: Outputs, width: int, height: int, least: float) -> list[Raw]:
    raws = []
    for scores, box in zip(outputs["scores"][0], outputs["boxes"][0].tolist(), strict=True):
        label_id, score = best(scores[1:])
        raws.append(Raw(label_id, score, (box[0] * width, box[1] * height, box[2] * width, box[3] * height)))
    return [raw for raw in raws if raw.score >= least]


def found_with_offsets(outputs: Outputs, width: int, height: int, least: float) -> list[Raw]:
    raws = []
    rows = zip(outputs["scores"][0], outputs["boxes"][0].tolist(), priors(300), strict=True)
    for logits, (dx, dy, dw, dh), (x, y, w, h) in rows:
        likely = softmax(logits)[1:]
        score = max(likely)
        if score >= least:
            box = around(
                (x + dx * 0.1 * w) * width,
                (y + dy * 0.1 * h) * height,
                w * math.exp(dw * 0.2) * width,
                h * math.exp(dh * 0.2) * height,
            )
            raws.append(Raw(likely.index(score), score, box))
    return raws


def priors(size: int) -> Iterator[tuple[float, float, float, float]]:
    for cells, step, small, large in MOBILENET:
        for row in range(cells):
            for column in range(cells):
                x, y = (column + 0.5) * step / size, (row + 0.5) * step / size
                shapes = [(small, small), (math.sqrt(small * large),) * 2]
                for ratio in (2, 3):
                    root = math.sqrt(ratio)
                    shapes += [(small * root, small / root), (small / root, small * root)]
                for w, h in shapes:
                    yield min(x, 1), min(y, 1), min(w / size, 1), min(h / size, 1)


def found_by_tensorflow(outputs: Outputs, width: int, height: int, least: float) -> list[Raw]:
    """Class 1 is the first."""
    raws = []
    for place in range(int(outputs["num_detections"][0])):
        top, left, bottom, right = outputs["detection_boxes"][0][place].tolist()
        label_id = int(outputs["detection_classes"][0][place]) - 1
        box = (left * width, top * height, right * width, bottom * height)
        raws.append(Raw(label_id, float(outputs["detection_scores"][0][place]), box))
    return [raw for raw in raws if raw.score >= least]


def found_by_zoo(outputs: Outputs, width: int, height: int, least: float) -> list[Raw]:
    raws = []
    for label, box, score in zip(
        *(outputs[name][0].tolist() for name in ("labels", "bboxes", "scores")), strict=True
    ):
        scaled = (box[0] * width, box[1] * height, box[2] * width, box[3] * height)
        raws.append(Raw(int(label) - 1, score, scaled))
    return [raw for raw in raws if raw.score >= least]
