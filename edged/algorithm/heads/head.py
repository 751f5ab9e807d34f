"""What a head is: the picture it wants and how a model's outputs become boxes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edged.algorithm.coco import COCO_LABELS
from edged.algorithm.color import Color
from edged.algorithm.frame import Anchor, Fit
from edged.algorithm.heads.signature import Outputs, Signature
from edged.algorithm.image_input import Scaling

UNTOLD = 0
"""A number of classes: the outputs do not tell, as they have the number of each box's class only."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Boxes before non-maximum suppression."""

    boxes: NDArray[np.float32]
    """``(n, 4)``: x_min, y_min, x_max, y_max in pixels of the model's input."""
    scores: NDArray[np.float32]
    """``(n,)``."""
    label_ids: NDArray[np.intp]
    """``(n,)``: each box's best class."""

    def __len__(self) -> int:
        return len(self.scores)

    def __getitem__(self, chosen: NDArray[np.intp] | NDArray[np.bool_]) -> Candidates:
        """Some of them, by indexes or a mask."""
        return Candidates(self.boxes[chosen], self.scores[chosen], self.label_ids[chosen])


@dataclass(frozen=True, slots=True)
class Head:
    """One family of detectors, or one kind of its exports."""

    name: str
    output: str
    """The outputs it recognises, for people."""
    color: Color
    scaling: Scaling
    fit: Fit
    anchor: Anchor
    classes: Callable[[Signature], int | None]
    """How many classes a model has whose outputs are this head's, or `UNTOLD`; None: they are not."""
    decode: Callable[[Outputs, float], Candidates]
    """``decode(outputs, score)``: the boxes that reach ``score``."""
    pad: int = 114
    """0-255: fills what a letterboxed picture leaves free."""
    finished: bool = False
    """The model leaves out doubles itself: nothing is to be suppressed."""
    first_class: int = 0
    """The number that the model gives its first class; 1 where 0 is the background."""
    labels: tuple[str, ...] = COCO_LABELS
    """What classes are called where neither the job nor the model says it and their number is `UNTOLD`."""


_TOLERANCE = 0.02
"""Of probabilities that went through 8-bit numbers."""


def are_probabilities(values: NDArray[np.float32]) -> bool:
    """Whether all lie within 0 to 1: what tells families apart whose shapes are the same."""
    return not values.size or bool(values.min() >= -_TOLERANCE and values.max() <= 1 + _TOLERANCE)


def corners(centers: NDArray[np.float32], sizes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Boxes ``(n, 4)`` of their centres and sizes ``(n, 2)``."""
    halves = sizes / 2
    return np.concatenate((centers - halves, centers + halves), axis=1)


def best_classes(
    scores: NDArray[np.float32], score: float
) -> tuple[NDArray[np.intp], NDArray[np.float32], NDArray[np.intp]]:
    """Of rows of class scores ``(n, classes)``: which reach ``score``, with what, and their best classes."""
    best = scores.max(axis=1) if len(scores) else np.zeros(0, dtype=np.float32)
    kept = np.flatnonzero(best >= score)
    return kept, best[kept], scores[kept].argmax(axis=1) if len(kept) else kept
