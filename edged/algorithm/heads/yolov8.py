"""YOLOv8, YOLO11 and others that Ultralytics exports: boxes in pixels, classes as probabilities.

The input is RGB, 0-1, letterboxed in the middle. Some tools transpose the output: both are known.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edged.algorithm.color import Color
from edged.algorithm.frame import Anchor, Fit
from edged.algorithm.heads.head import Candidates, Head, cells

_STRIDES = ((8, 16, 32), (8, 16, 32, 64))


def classes(shape: tuple[int, ...], width: int, height: int) -> int | None:
    if len(shape) != 3:
        return None
    counts = [cells(width, height, strides) for strides in _STRIDES]
    if shape[2] in counts and shape[1] > 4:
        return shape[1] - 4
    if shape[1] in counts and shape[2] > 4:
        return shape[2] - 4
    return None


def decode(output: NDArray[np.float32], width: int, height: int, score: float) -> Candidates:
    """``output``: ``(4 + classes, cells)`` or its transpose: x, y of the centre, width, height, classes."""
    counts = [cells(width, height, strides) for strides in _STRIDES]
    columns = output if output.shape[1] in counts else output.T
    best = columns[4:].max(axis=0)
    kept = np.flatnonzero(best >= score)
    chosen = columns[:, kept]
    centers, halves = chosen[:2], chosen[2:4] / 2
    boxes = np.concatenate((centers - halves, centers + halves)).T
    return Candidates(boxes.astype(np.float32), best[kept], chosen[4:].argmax(axis=0))


YOLOV8 = Head(
    name="yolov8",
    output="1 x (4 + classes) x cells or 1 x cells x (4 + classes), the cells of strides 8, 16, 32 (and 64)",
    color=Color.RGB,
    scale=1 / 255,
    fit=Fit.LETTERBOX,
    anchor=Anchor.CENTER,
    classes=classes,
    decode=decode,
)
