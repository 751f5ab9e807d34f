"""YOLOv8, YOLO11 and others that Ultralytics exports: boxes in pixels, classes as probabilities.

The input is RGB, 0-1, letterboxed in the middle. Some tools transpose the output: both are known.
"""

from __future__ import annotations

import numpy as np

from edged.algorithm.color import Color
from edged.algorithm.frame import Anchor, Fit
from edged.algorithm.heads.grid import strides_of
from edged.algorithm.heads.head import Candidates, Head, are_probabilities, corners
from edged.algorithm.heads.signature import Outputs, Signature
from edged.algorithm.image_input import Scaling


def classes(model: Signature) -> int | None:
    shape, outputs = model.shape, model.outputs
    if shape is None or len(shape) != 3 or model.metadata.get("task", "detect") != "detect":
        return None
    table = outputs.arrays[0][0]
    for columns in (table, table.T):
        numbers, cells = columns.shape
        if numbers > 4 and strides_of(cells, outputs.width, outputs.height) is not None:
            return numbers - 4 if are_probabilities(columns[4:]) else None
    return None


def decode(outputs: Outputs, score: float) -> Candidates:
    """The output: ``(1, 4 + classes, cells)`` or its transpose: centre x, y, width, height, classes."""
    table = outputs.arrays[0][0]
    plain = strides_of(table.shape[1], outputs.width, outputs.height) is not None
    columns = table if plain else table.T
    best = columns[4:].max(axis=0)
    kept = np.flatnonzero(best >= score)
    chosen = columns[:, kept]
    boxes = corners(chosen[:2].T, chosen[2:4].T)
    return Candidates(boxes, best[kept], chosen[4:].argmax(axis=0))


YOLOV8 = Head(
    name="yolov8",
    output="1 x (4 + classes) x cells or 1 x cells x (4 + classes), the cells of strides 8, 16, 32 (and 64)",
    color=Color.RGB,
    scaling=Scaling(1 / 255),
    fit=Fit.LETTERBOX,
    anchor=Anchor.CENTER,
    classes=classes,
    decode=decode,
)
