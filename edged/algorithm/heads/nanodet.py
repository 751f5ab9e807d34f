"""NanoDet and NanoDet-Plus (https://github.com/RangiLyu/nanodet): sides as distributions.

Each side of a box is a distribution over distances 0 to 7 strides from the cell's point, whose mean
counts ("Generalized Focal Loss", https://arxiv.org/abs/2006.04388). NanoDet has strides 8, 16, 32,
points in the middle of cells and a picture letterboxed in the middle on black; NanoDet-Plus has
stride 64 besides, points at the upper left of cells and a stretched picture. Classes are
probabilities in the project's exports. Both take BGR, normalised by ImageNet's mean and deviation.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edged.algorithm.color import Color
from edged.algorithm.frame import Anchor, Fit
from edged.algorithm.heads.grid import Strides, cells, grid
from edged.algorithm.heads.head import Candidates, Head, are_probabilities, best_classes
from edged.algorithm.heads.signature import Outputs, Signature
from edged.algorithm.image_input import Scaling

_BINS = 8
"""reg_max + 1."""
_SIDES = 4 * _BINS
_OLD: Strides = (8, 16, 32)
_PLUS: Strides = (8, 16, 32, 64)
_SCALING = Scaling(mean=(103.53, 116.28, 123.675), std=(57.375, 57.12, 58.395))


def classes(model: Signature) -> int | None:
    return _classes(model, _OLD)


def classes_of_plus(model: Signature) -> int | None:
    return _classes(model, _PLUS)


def decode(outputs: Outputs, score: float) -> Candidates:
    """The output: ``(1, cells, classes + 4 * 8)``: classes, then left, top, right, bottom."""
    return _decode(outputs, score, _OLD, middle=0.5)


def decode_plus(outputs: Outputs, score: float) -> Candidates:
    """As `decode`."""
    return _decode(outputs, score, _PLUS, middle=0.0)


def _classes(model: Signature, strides: Strides) -> int | None:
    shape, outputs = model.shape, model.outputs
    if shape is None or len(shape) != 3 or shape[2] <= _SIDES:
        return None
    fits = shape[1] == cells(outputs.width, outputs.height, strides)
    fits = fits and are_probabilities(outputs.arrays[0][..., :-_SIDES])
    return shape[2] - _SIDES if fits else None


def _decode(outputs: Outputs, score: float, strides: Strides, *, middle: float) -> Candidates:
    table = outputs.arrays[0][0]
    kept, scores, label_ids = best_classes(table[:, :-_SIDES], score)
    places, steps = grid(outputs.width, outputs.height, strides)
    points = places[kept] + middle
    sides = _means(table[kept, -_SIDES:].reshape(-1, 4, _BINS))
    boxes = np.concatenate((points - sides[:, :2], points + sides[:, 2:]), axis=1) * steps[kept]
    limits = np.array([outputs.width, outputs.height] * 2, dtype=np.float32)
    return Candidates(np.clip(boxes, 0, limits), scores, label_ids)


def _means(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mean distance of each distribution along the last axis."""
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(weights @ np.arange(_BINS, dtype=np.float32) / weights.sum(axis=-1), dtype=np.float32)


NANODET = Head(
    name="nanodet",
    output="1 x cells x (classes + 32), the cells of strides 8, 16, 32",
    color=Color.BGR,
    scaling=_SCALING,
    fit=Fit.LETTERBOX,
    anchor=Anchor.CENTER,
    pad=0,
    classes=classes,
    decode=decode,
)
NANODET_PLUS = replace(
    NANODET,
    name="nanodet-plus",
    output="1 x cells x (classes + 32), the cells of strides 8, 16, 32, 64",
    fit=Fit.STRETCH,
    classes=classes_of_plus,
    decode=decode_plus,
)
