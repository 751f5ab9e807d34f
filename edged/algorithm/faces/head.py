"""What a face detector is: the picture it wants and how its outputs become faces."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from edged.algorithm.color import Color
from edged.algorithm.frame import Fit
from edged.algorithm.image_input import Scaling

Outputs: TypeAlias = Sequence[NDArray[np.float32]]
"""What a model returns for one picture, without the batch: ``(cells, numbers)`` each."""


@dataclass(frozen=True, slots=True)
class FaceCandidates:
    """Faces before non-maximum suppression, in pixels of the model's input."""

    boxes: NDArray[np.float32]
    """``(n, 4)``: x_min, y_min, x_max, y_max."""
    scores: NDArray[np.float32]
    """``(n,)``, 0-1."""
    points: NDArray[np.float32]
    """``(n, k, 2)``: right eye, left eye (the person's own), nose, right and left corner of the mouth: k is
    5, or 0 for a model that knows none."""


@dataclass(frozen=True, slots=True)
class FaceHead:
    """One family of face detectors."""

    name: str
    outputs: str
    """Those it recognises, for people."""
    color: Color
    scaling: Scaling
    fit: Fit
    pad: int
    """What a letterboxed picture is filled with."""
    step: int
    """The sides of its input are multiples of it, where the model leaves them open."""
    fits: Callable[[Sequence[tuple[int, ...]], int, int], bool]
    """``fits(shapes, width, height)``: whether outputs of these shapes, without the batch, are this head's
    for an input of this size."""
    decode: Callable[[Outputs, int, int, float], FaceCandidates]
    """``decode(outputs, width, height, score)``: the faces that reach ``score``."""
