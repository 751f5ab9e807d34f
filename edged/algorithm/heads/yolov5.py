"""YOLOv5, YOLOv7 and YOLOv6 without suppression: boxes in pixels, an objectness and class probabilities.

YOLOv5 and YOLOv7 (``--grid``) have three anchors a cell, YOLOv6 one (and 1 for each objectness). Other
outputs beside the first, five-dimensional ones of older exports, are not looked at. The input is RGB,
0-1, letterboxed in the middle.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edged.algorithm.color import Color
from edged.algorithm.frame import Anchor, Fit
from edged.algorithm.heads.grid import strides_of
from edged.algorithm.heads.head import Candidates, Head, are_probabilities, corners
from edged.algorithm.heads.signature import Outputs, Signature
from edged.algorithm.image_input import Scaling

_ANCHORS = 3


def classes(model: Signature, anchors: int = _ANCHORS) -> int | None:
    shape, *others = model.outputs.shapes
    if len(shape) != 3 or shape[2] < 6 or any(len(other) != 5 for other in others):
        return None
    cells, rest = divmod(shape[1], anchors)
    if rest or strides_of(cells, model.outputs.width, model.outputs.height) is None:
        return None
    return shape[2] - 5 if are_probabilities(model.outputs.arrays[0][..., 4:]) else None


def classes_of_yolov6(model: Signature) -> int | None:
    found = classes(model, anchors=1)
    return found if found is not None and (model.outputs.arrays[0][..., 4] == 1).all() else None


def decode(outputs: Outputs, score: float) -> Candidates:
    """The first output: ``(1, n, 5 + classes)``: x, y of the centre, width, height, objectness, classes."""
    table = outputs.arrays[0][0]
    rows = table[np.flatnonzero(table[:, 4] >= score)]
    label_ids = rows[:, 5:].argmax(axis=1)
    scores = rows[:, 4] * rows[np.arange(len(rows)), 5 + label_ids]
    return Candidates(corners(rows[:, :2], rows[:, 2:4]), scores, label_ids)[scores >= score]


YOLOV5 = Head(
    name="yolov5",
    output="1 x 3·cells x (5 + classes), the cells of strides 8, 16, 32 (and 64)",
    color=Color.RGB,
    scaling=Scaling(1 / 255),
    fit=Fit.LETTERBOX,
    anchor=Anchor.CENTER,
    classes=classes,
    decode=decode,
)
YOLOV6 = replace(
    YOLOV5,
    name="yolov6",
    output="1 x cells x (5 + classes), boxes in pixels, each objectness 1",
    classes=classes_of_yolov6,
)
