"""SSD and others with post-processing inside: boxes, classes and scores as outputs of their own.

``ssd-tensorflow``: TensorFlow's Object Detection API, also as TFLite has it: four outputs, or more, in any
order and under any names; RGB, 0-255, stretched. ``ssd-finished``: boxes, labels and scores, as the ONNX
zoo's SSD returns them (https://github.com/onnx/models, vision/object_detection_segmentation/ssd);
RGB, 0-1, normalised by ImageNet's mean and deviation, stretched.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edged.algorithm.coco import COCO_90_LABELS, COCO_LABELS
from edged.algorithm.color import Color
from edged.algorithm.frame import Anchor, Fit
from edged.algorithm.heads.feeding import SIZE_INPUT
from edged.algorithm.heads.head import UNTOLD, Candidates, Head
from edged.algorithm.heads.signature import Outputs, Signature
from edged.algorithm.image_input import Scaling

Parts = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]
"""Boxes ``(n, 4)``, classes ``(n,)`` and scores ``(n,)``."""

_LARGEST_FRACTION = 2.0
"""Corners beyond are pixels, no fractions."""


def classes_of_tensorflow(model: Signature) -> int | None:
    return UNTOLD if _tensorflow_parts(model.outputs) is not None else None


def decode_tensorflow(outputs: Outputs, score: float) -> Candidates:
    """Boxes ``(1, n, 4)``: y_min, x_min, y_max, x_max as fractions; classes and scores ``(1, n)``; their
    number ``(1,)``, beyond which rows mean nothing.
    """
    parts = _tensorflow_parts(outputs)
    assert parts is not None  # noqa: S101 - `classes_of_tensorflow` saw them
    boxes, classes, scores = parts
    number = _number(outputs)
    kept = np.flatnonzero(scores[:number] >= score)
    size = np.array([outputs.width, outputs.height] * 2, dtype=np.float32)
    return Candidates(boxes[kept][:, [1, 0, 3, 2]] * size, scores[kept], _whole(classes[kept]))


def classes_of_finished(model: Signature) -> int | None:
    parts = _named_parts(model.outputs)
    if parts is None or any(each.name == SIZE_INPUT for each in model.inputs):
        return None
    return UNTOLD


def decode_finished(outputs: Outputs, score: float) -> Candidates:
    """Boxes ``(1, n, 4)`` or ``(n, 4)``: corners as fractions, or in pixels where any is above 2; labels and
    scores ``(1, n)`` or ``(n,)``.
    """
    parts = _named_parts(outputs)
    assert parts is not None  # noqa: S101 - `classes_of_finished` saw them
    boxes, classes, scores = parts
    kept = np.flatnonzero(scores >= score)
    chosen = boxes[kept]
    if not (chosen > _LARGEST_FRACTION).any():
        chosen = chosen * np.array([outputs.width, outputs.height] * 2, dtype=np.float32)
    return Candidates(chosen, scores[kept], _whole(classes[kept]))


def _named_parts(outputs: Outputs) -> Parts | None:
    boxes, labels = outputs.named("boxes", "bboxes"), outputs.named("labels")
    scores = outputs.named("scores")
    if boxes is None or labels is None or scores is None or boxes.shape[-1:] != (4,):
        return None
    if labels.size != scores.size or boxes.size != 4 * labels.size:
        return None
    return boxes.reshape(-1, 4), labels.reshape(-1), scores.reshape(-1)


def _tensorflow_parts(outputs: Outputs) -> Parts | None:
    """By name where the API's own names stand, else by shape and by what the numbers look like."""
    boxes = outputs.named("detection_boxes")
    classes, scores = outputs.named("detection_classes"), outputs.named("detection_scores")
    if boxes is None or classes is None or scores is None:
        if len(outputs.arrays) != 4 or sum(array.size == 1 for array in outputs.arrays) < 1:
            return None
        boxes = next((each for each in outputs.arrays if each.ndim == 3 and each.shape[2] == 4), None)
        lists = [each for each in outputs.arrays if each.ndim == 2 and each.shape[0] == 1]
        if boxes is None or len(lists) != 2 or any(each.shape[1] != boxes.shape[1] for each in lists):
            return None
        classes, scores = _told_apart(outputs, lists[0], lists[1])
    return boxes.reshape(-1, 4), classes.reshape(-1), scores.reshape(-1)


def _told_apart(
    outputs: Outputs, first: NDArray[np.float32], second: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(classes, scores): by name, or classes are whole numbers; where both are, they come first."""
    names = {id(array): name.lower() for name, array in zip(outputs.names, outputs.arrays, strict=True)}
    if "score" in names[id(first)] or "class" in names[id(second)]:
        return second, first
    if "class" in names[id(first)] or "score" in names[id(second)]:
        return first, second
    is_whole = [bool((each == np.rint(each)).all()) for each in (first, second)]
    return (second, first) if is_whole == [False, True] else (first, second)


def _number(outputs: Outputs) -> int | None:
    """How many rows count; None: all."""
    count = outputs.named("num_detections")
    if count is None:
        count = next((each for each in outputs.arrays if each.ndim <= 1 and each.size == 1), None)
    return None if count is None else int(count.reshape(-1)[0])


def _whole(numbers: NDArray[np.float32]) -> NDArray[np.intp]:
    return np.rint(numbers).astype(np.intp)


SSD_TENSORFLOW = Head(
    name="ssd-tensorflow",
    output="detection_boxes 1 x n x 4 (y_min, x_min, y_max, x_max), detection_classes 1 x n, "
    "detection_scores 1 x n, num_detections 1, in any order",
    color=Color.RGB,
    scaling=Scaling(),
    fit=Fit.STRETCH,
    anchor=Anchor.TOP_LEFT,
    classes=classes_of_tensorflow,
    decode=decode_tensorflow,
    finished=True,
    first_class=1,
    labels=COCO_90_LABELS,
)
SSD_FINISHED = replace(
    SSD_TENSORFLOW,
    name="ssd-finished",
    output="boxes (or bboxes) 1 x n x 4, labels 1 x n, scores 1 x n",
    scaling=Scaling(1 / 255, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)),
    classes=classes_of_finished,
    decode=decode_finished,
    labels=COCO_LABELS,
)
