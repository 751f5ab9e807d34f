"""Exports that leave out doubles themselves: one row for each object.

``end2end``: YOLOv10, YOLO26 and what Ultralytics exports with ``nms=True``
(https://docs.ultralytics.com/guides/end2end-detection). ``yolov7-end2end``: the export of YOLOv7 with
``--end2end --max-wh``. Both take RGB, 0-1, letterboxed in the middle.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edged.algorithm.color import Color
from edged.algorithm.frame import Anchor, Fit
from edged.algorithm.heads.head import UNTOLD, Candidates, Head
from edged.algorithm.heads.rtdetr import says_rtdetr
from edged.algorithm.heads.signature import Outputs, Signature
from edged.algorithm.image_input import Scaling

_MOST_ROWS = 1000
"""More objects than that nobody keeps: a longer table is no list of objects."""


def classes(model: Signature) -> int | None:
    shape = model.shape
    if shape is None or len(shape) != 3 or shape[2] != 6 or shape[1] > _MOST_ROWS:
        return None
    if model.metadata.get("task", "detect") != "detect" or says_rtdetr(model.metadata):
        return None
    return UNTOLD


def classes_of_yolov7(model: Signature) -> int | None:
    shape = model.shape
    return UNTOLD if shape is not None and len(shape) == 2 and shape[1] == 7 else None


def decode(outputs: Outputs, score: float) -> Candidates:
    """The output: ``(1, n, 6)``: x_min, y_min, x_max, y_max, score, class; unused rows have score 0."""
    rows = outputs.arrays[0][0]
    return _reaching(rows[:, :4], rows[:, 4], rows[:, 5], score)


def decode_yolov7(outputs: Outputs, score: float) -> Candidates:
    """The output: ``(n, 7)``: number in the batch, x_min, y_min, x_max, y_max, class, score."""
    rows = outputs.arrays[0]
    return _reaching(rows[:, 1:5], rows[:, 6], rows[:, 5], score)


def _reaching(
    boxes: NDArray[np.float32], scores: NDArray[np.float32], classes: NDArray[np.float32], score: float
) -> Candidates:
    kept = np.flatnonzero(scores >= score)
    return Candidates(boxes[kept], scores[kept], np.rint(classes[kept]).astype(np.intp))


END2END = Head(
    name="end2end",
    output=f"1 x n x 6: x_min, y_min, x_max, y_max in pixels, score, class; n at most {_MOST_ROWS}",
    color=Color.RGB,
    scaling=Scaling(1 / 255),
    fit=Fit.LETTERBOX,
    anchor=Anchor.CENTER,
    classes=classes,
    decode=decode,
    finished=True,
)
YOLOV7_END2END = replace(
    END2END,
    name="yolov7-end2end",
    output="n x 7: batch, x_min, y_min, x_max, y_max in pixels, class, score",
    classes=classes_of_yolov7,
    decode=decode_yolov7,
)
