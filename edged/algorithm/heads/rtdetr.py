"""RT-DETR (https://arxiv.org/abs/2304.08069): a fixed number of queries, one object each at most.

``rtdetr``: the authors' own export (``tools/export_onnx.py``; D-FINE and DEIM make the same): a second input
takes the size that boxes are to be scaled to, which is that of the picture here.
``rtdetr-ultralytics``: Ultralytics' export: boxes as fractions and classes as probabilities.
Both take RGB, 0-1, stretched.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from edged.algorithm.color import Color
from edged.algorithm.frame import Anchor, Fit
from edged.algorithm.heads.feeding import SIZE_INPUT
from edged.algorithm.heads.head import UNTOLD, Candidates, Head, are_probabilities, best_classes, corners
from edged.algorithm.heads.signature import Outputs, Signature
from edged.algorithm.image_input import Scaling

_QUERIES = range(100, 1001)
"""300 as a rule."""
_FEW_CLASSES = 2
"""With as many the shape is `end2end`'s too: only the metadata tells."""


def says_rtdetr(metadata: Mapping[str, str]) -> bool:
    """Whether Ultralytics' exporter wrote down that it is an RT-DETR: ``Ultralytics rtdetr-l model``."""
    return "rtdetr" in metadata.get("description", "").lower().replace("-", "")


def classes(model: Signature) -> int | None:
    outputs = model.outputs
    boxes, scores = outputs.named("boxes"), outputs.named("scores")
    if boxes is None or scores is None or outputs.named("labels") is None:
        return None
    fits = boxes.ndim == 3 and boxes.shape[2] == 4 and any(each.name == SIZE_INPUT for each in model.inputs)
    return UNTOLD if fits else None


def classes_of_ultralytics(model: Signature) -> int | None:
    shape = model.shape
    if shape is None or len(shape) != 3 or shape[2] < 5 or shape[1] not in _QUERIES:
        return None
    if shape[2] - 4 == _FEW_CLASSES and not says_rtdetr(model.metadata):
        return None
    return shape[2] - 4 if are_probabilities(model.outputs.arrays[0][..., 4:]) else None


def decode(outputs: Outputs, score: float) -> Candidates:
    """``labels`` and ``scores`` ``(1, n)``, ``boxes`` ``(1, n, 4)``: corners in pixels."""
    boxes, scores, labels = (outputs.named(name) for name in ("boxes", "scores", "labels"))
    assert boxes is not None and scores is not None and labels is not None  # noqa: S101 - `classes` saw them
    kept = np.flatnonzero(scores[0] >= score)
    return Candidates(boxes[0][kept], scores[0][kept], labels[0][kept].astype(np.intp))


def decode_ultralytics(outputs: Outputs, score: float) -> Candidates:
    """The output: ``(1, n, 4 + classes)``: x, y of the centre, width, height as fractions, classes."""
    table = outputs.arrays[0][0]
    kept, scores, label_ids = best_classes(table[:, 4:], score)
    size = np.array([outputs.width, outputs.height], dtype=np.float32)
    return Candidates(corners(table[kept, :2] * size, table[kept, 2:4] * size), scores, label_ids)


RTDETR = Head(
    name="rtdetr",
    output=f"labels 1 x n, boxes 1 x n x 4, scores 1 x n, and an input {SIZE_INPUT}",
    color=Color.RGB,
    scaling=Scaling(1 / 255),
    fit=Fit.STRETCH,
    anchor=Anchor.TOP_LEFT,
    classes=classes,
    decode=decode,
    finished=True,
)
RTDETR_ULTRALYTICS = replace(
    RTDETR,
    name="rtdetr-ultralytics",
    output="1 x n x (4 + classes): x, y of the centre, width, height as fractions, n from 100 to 1000",
    classes=classes_of_ultralytics,
    decode=decode_ultralytics,
)
