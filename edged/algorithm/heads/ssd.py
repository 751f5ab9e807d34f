"""SSD without post-processing (https://arxiv.org/abs/1512.02325): scores and boxes of all priors.

``ssd``: boxes decoded in the model, corners as fractions, as qfgaohao/pytorch-ssd and jetson-inference
export them. ``ssd-offsets``: offsets from priors, with variances 0.1 for centres and 0.2 for sizes. The
first of the classes is the background; scores that are no probabilities go through a softmax.
Both take RGB, (value - 127) / 128, stretched.
"""

from __future__ import annotations

import functools
import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edged.algorithm.color import Color
from edged.algorithm.frame import Anchor, Fit
from edged.algorithm.heads.head import Candidates, Head, best_classes, corners
from edged.algorithm.heads.priors import PRESETS, PriorMaps, count_of, priors_of
from edged.algorithm.heads.signature import Outputs, Signature
from edged.algorithm.image_input import Scaling

_CENTER_VARIANCE, _SIZE_VARIANCE = 0.1, 0.2
_LARGEST_LOG = 10.0
_MOST = 0.99
"""Of decoded boxes nearly all have x_min <= x_max; of offsets about a quarter look so."""
_LARGEST_FRACTION = 2.0
"""Corners beyond are pixels, no fractions."""
_LOOKED_AT = 16
"""Rows by which probabilities are told from logits."""


def classes(model: Signature) -> int | None:
    parts = _parts(model.outputs)
    if parts is None:
        return None
    scores, boxes = parts
    looks_right = (boxes[:, 2:] >= boxes[:, :2]).all(axis=1) & (np.abs(boxes) <= _LARGEST_FRACTION).all(
        axis=1
    )
    return scores.shape[1] - 1 if looks_right.mean() >= _MOST else None


def decode(outputs: Outputs, score: float) -> Candidates:
    """Scores ``(1, n, 1 + classes)`` and boxes ``(1, n, 4)``, in any order."""
    scores, boxes = _parts(outputs) or _nothing()
    kept, best, label_ids = _best(scores, score)
    size = np.array([outputs.width, outputs.height] * 2, dtype=np.float32)
    return Candidates(boxes[kept] * size, best, label_ids)


def with_priors(maps: PriorMaps) -> Head:
    """The head of offsets from priors of a model's own."""
    return replace(
        SSD_OFFSETS,
        output=f"scores 1 x {count_of(maps)} x (1 + classes) and boxes 1 x {count_of(maps)} x 4",
        classes=functools.partial(_classes_of_offsets, maps=maps),
        decode=functools.partial(_decode_offsets, maps=maps),
    )


def _classes_of_offsets(model: Signature, maps: PriorMaps | None = None) -> int | None:
    parts = _parts(model.outputs)
    if parts is None:
        return None
    scores, boxes = parts
    wanted = maps or _preset(len(boxes))
    return scores.shape[1] - 1 if wanted and count_of(wanted) == len(boxes) else None


def _decode_offsets(outputs: Outputs, score: float, maps: PriorMaps | None = None) -> Candidates:
    scores, offsets = _parts(outputs) or _nothing()
    kept, best, label_ids = _best(scores, score)
    priors = priors_of(maps or _preset(len(offsets)) or (), outputs.width, outputs.height)[kept]
    moves = offsets[kept]
    centers = priors[:, :2] + moves[:, :2] * _CENTER_VARIANCE * priors[:, 2:]
    sizes = priors[:, 2:] * np.exp(np.minimum(moves[:, 2:] * _SIZE_VARIANCE, _LARGEST_LOG))
    size = np.array([outputs.width, outputs.height], dtype=np.float32)
    return Candidates(corners(centers * size, sizes * size), best, label_ids)


def _parts(outputs: Outputs) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
    """(scores ``(n, 1 + classes)``, boxes ``(n, 4)``)."""
    if len(outputs.arrays) != 2 or any(each.ndim != 3 for each in outputs.arrays):
        return None
    first, second = outputs.arrays
    if first.shape[1] != second.shape[1] or 4 not in (first.shape[2], second.shape[2]):
        return None
    # three classes and a background are four numbers too: then the name tells, or scores come first
    swapped = second.shape[2] != 4 or (first.shape[2] == 4 and "score" in outputs.names[1].lower())
    scores, boxes = (second, first) if swapped else (first, second)
    return (scores[0], boxes[0]) if scores.shape[2] >= 2 and len(scores[0]) else None


def _best(
    scores: NDArray[np.float32], score: float
) -> tuple[NDArray[np.intp], NDArray[np.float32], NDArray[np.intp]]:
    """Which rows reach ``score`` for a class, with what, and for which; the background is none."""
    looked = scores[:_LOOKED_AT]
    if (looked >= 0).all() and np.allclose(looked.sum(axis=1), 1, atol=1e-2):
        return best_classes(scores[:, 1:], score)
    # a class can only be as likely as that if its logit is so far above the background's
    ahead = scores[:, 1:].max(axis=1) - scores[:, 0]
    least = math.log(score / (1 - score)) if 0 < score < 1 else (-math.inf if score <= 0 else math.inf)
    kept = np.flatnonzero(ahead >= least)
    rows = scores[kept]
    weights = np.exp(rows - rows.max(axis=1, keepdims=True))
    chosen, best, label_ids = best_classes(weights[:, 1:] / weights.sum(axis=1, keepdims=True), score)
    return kept[chosen], best, label_ids


def _preset(count: int) -> PriorMaps | None:
    """The first preset of so many priors."""
    return next((maps for maps in PRESETS.values() if count_of(maps) == count), None)


def _nothing() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    return np.zeros((0, 2), dtype=np.float32), np.zeros((0, 4), dtype=np.float32)


SSD = Head(
    name="ssd",
    output="scores 1 x n x (1 + classes) and boxes 1 x n x 4, corners as fractions",
    color=Color.RGB,
    scaling=Scaling(mean=(127, 127, 127), std=(128, 128, 128)),
    fit=Fit.STRETCH,
    anchor=Anchor.TOP_LEFT,
    classes=classes,
    decode=decode,
)
SSD_OFFSETS = replace(
    SSD,
    name="ssd-offsets",
    output="scores 1 x n x (1 + classes) and boxes 1 x n x 4, offsets from priors: n is 8732 or 3000, or "
    "that of `priors`",
    classes=_classes_of_offsets,
    decode=_decode_offsets,
)
