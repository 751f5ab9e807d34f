"""UltraFace (RFB-320, RFB-640, slim): faces without landmarks
(https://github.com/Linzaer/Ultra-Light-Fast-Generic-Face-Detector-1MB).

Its export decodes boxes itself: corners in fractions of the picture, beside the probabilities of background
and face. The input is RGB, (value - 127) / 128, stretched.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edged.algorithm.color import Color
from edged.algorithm.faces.head import FaceCandidates, FaceHead, Outputs
from edged.algorithm.frame import Fit
from edged.algorithm.image_input import Scaling


def fits(shapes: Sequence[tuple[int, ...]], _width: int, _height: int) -> bool:
    if len(shapes) != 2 or any(len(shape) != 2 for shape in shapes):
        return False
    scores, boxes = sorted(shapes, key=lambda shape: shape[1])
    return scores[1] == 2 and boxes == (scores[0], 4)


def decode(outputs: Outputs, width: int, height: int, score: float) -> FaceCandidates:
    scores, boxes = sorted(outputs, key=lambda each: each.shape[1])
    kept = np.flatnonzero(scores[:, 1] >= score)
    size = np.array([width, height, width, height], dtype=np.float32)
    points = np.empty((len(kept), 0, 2), dtype=np.float32)
    return FaceCandidates(boxes[kept] * size, np.clip(scores[kept, 1], 0, 1), points)


ULTRAFACE = FaceHead(
    name="ultraface",
    outputs="1 x boxes x 2 and 1 x boxes x 4",
    color=Color.RGB,
    scaling=Scaling(1 / 128, (127 / 128,)),
    fit=Fit.STRETCH,
    pad=0,
    step=1,
    fits=fits,
    decode=decode,
)
