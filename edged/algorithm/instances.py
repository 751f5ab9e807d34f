"""Instance segmentation as Ultralytics exports it (YOLOv8-seg, YOLO11-seg): boxes, and a mask for each.

Two outputs: ``1 x (4 + classes + M) x cells``, whose last M rows are coefficients, and ``1 x M x H/4 x W/4``,
prototypes. A mask is where the sum of the prototypes times an object's coefficients is positive, inside its
box (Bolya et al., YOLACT, 2019).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edged.algorithm.heads.grid import strides_of
from edged.algorithm.suppression import suppress
from edged.errors import AlgorithmError

Outputs: TypeAlias = Sequence[NDArray[Any]]
_MOST_CANDIDATES = 3000


@dataclass(frozen=True, slots=True)
class Instance:
    """One object. Its mask is ``(rows, columns)`` of the prototypes' grid, 0 or 1."""

    box: NDArray[np.float32]
    """Corners in pixels of the model's input."""
    score: float
    label_id: int
    mask: NDArray[np.uint8]


def instance_classes(shapes: Sequence[tuple[int, ...]], width: int, height: int) -> int | None:
    """How many classes outputs of these shapes tell; None: they are no boxes and prototypes."""
    if len(shapes) != 2 or len(shapes[0]) != 3 or len(shapes[1]) != 4 or shapes[0][0] != 1:
        return None
    numbers = next(
        (n for n, cells in (shapes[0][1:], shapes[0][:0:-1]) if strides_of(cells, width, height)), 0
    )
    _, prototypes, rows, across = shapes[1]
    if numbers - 4 <= prototypes or rows * width != across * height:
        return None
    return numbers - 4 - prototypes


def instances_of(
    outputs: Outputs, width: int, height: int, *, score: float, iou: float, most: int
) -> Iterator[Instance]:
    """The objects of at least ``score``, the surest first; no two of a class overlap by more than ``iou``.

    Raises `AlgorithmError` for NaN or infinity.
    """
    found, prototypes = (np.asarray(output[0], dtype=np.float32) for output in outputs)
    if not (np.isfinite(found).all() and np.isfinite(prototypes).all()):
        raise AlgorithmError("the model returned NaN or infinite numbers")
    count = len(prototypes)
    columns = found if strides_of(found.shape[1], width, height) else found.T
    scores = columns[4:-count].max(axis=0)
    sure = np.flatnonzero(scores >= score)
    sure = sure[np.argsort(-scores[sure], kind="stable")[:_MOST_CANDIDATES]]
    kept = columns[:, sure].T
    centers, halves = kept[:, :2], kept[:, 2:4] / 2
    boxes = np.concatenate((centers - halves, centers + halves), axis=1, dtype=np.float32)
    label_ids = kept[:, 4:-count].argmax(axis=1)
    scale = np.array([prototypes.shape[2] / width, prototypes.shape[1] / height] * 2)
    for place in suppress(boxes, scores[sure], label_ids, iou=iou, most=most).tolist():
        mask = _mask(prototypes, kept[place, -count:], boxes[place] * scale)
        yield Instance(boxes[place], float(min(scores[sure][place], 1)), int(label_ids[place]), mask)


def _mask(
    prototypes: NDArray[np.float32], coefficients: NDArray[np.float32], box: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """Only what lies inside the box is computed."""
    rows, columns = prototypes.shape[1:]
    mask = np.zeros((rows, columns), dtype=np.uint8)
    left, top = (int(value) for value in np.clip(np.floor(box[:2]), 0, (columns, rows)))
    right, bottom = (int(value) for value in np.clip(np.ceil(box[2:]), 0, (columns, rows)))
    if right > left and bottom > top:
        part = prototypes[:, top:bottom, left:right]
        mask[top:bottom, left:right] = np.tensordot(coefficients, part, axes=1) > 0
    return mask
