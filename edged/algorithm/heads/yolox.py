"""YOLOX: anchor-free grids with an objectness of their own (https://arxiv.org/abs/2107.08430).

``yolox``: the output is raw, as the project's own export makes it: offsets in cells and logarithms of sizes.
``yolox-decoded``: exported with ``--decode_in_inference``: boxes in pixels. The input is BGR, 0-255,
letterboxed to the top left.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edged.algorithm.color import Color
from edged.algorithm.frame import Anchor, Fit
from edged.algorithm.heads.grid import grid, strides_of
from edged.algorithm.heads.head import Candidates, Head, are_probabilities, corners
from edged.algorithm.heads.signature import Outputs, Signature
from edged.algorithm.heads.yolov5 import decode as decode_pixels
from edged.algorithm.image_input import Scaling

_LARGEST_LOG = 10.0
"""exp(10) cells are wider than any picture; more would overflow."""


def classes(model: Signature) -> int | None:
    shape, outputs = model.shape, model.outputs
    if shape is None or len(shape) != 3 or shape[2] < 6:
        return None
    if strides_of(shape[1], outputs.width, outputs.height) is None:
        return None
    return shape[2] - 5 if are_probabilities(outputs.arrays[0][..., 4:]) else None


def classes_if_decoded(model: Signature) -> int | None:
    """Where all sizes are above 0: of logarithms some are below."""
    found = classes(model)
    return found if found is not None and (model.outputs.arrays[0][..., 2:4] > 0).all() else None


def decode(outputs: Outputs, score: float) -> Candidates:
    """The output: ``(1, cells, 5 + classes)``: dx, dy, log w, log h, objectness, classes."""
    table = outputs.arrays[0][0]
    kept = np.flatnonzero(table[:, 4] >= score)
    rows = table[kept]
    label_ids = rows[:, 5:].argmax(axis=1)
    scores = rows[:, 4] * rows[np.arange(len(rows)), 5 + label_ids]
    strides = strides_of(len(table), outputs.width, outputs.height) or ()
    places, steps = grid(outputs.width, outputs.height, strides)
    centers = (rows[:, :2] + places[kept]) * steps[kept]
    boxes = corners(centers, np.exp(np.minimum(rows[:, 2:4], _LARGEST_LOG)) * steps[kept])
    return Candidates(boxes, scores, label_ids)[scores >= score]


YOLOX = Head(
    name="yolox",
    output="1 x cells x (5 + classes), the cells of strides 8, 16, 32 (and 64)",
    color=Color.BGR,
    scaling=Scaling(),
    fit=Fit.LETTERBOX,
    anchor=Anchor.TOP_LEFT,
    classes=classes,
    decode=decode,
)
YOLOX_DECODED = replace(
    YOLOX,
    name="yolox-decoded",
    output="1 x cells x (5 + classes), boxes in pixels, widths and heights above 0",
    classes=classes_if_decoded,
    decode=decode_pixels,
)
