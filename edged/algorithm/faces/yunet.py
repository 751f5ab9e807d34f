"""YuNet: faces and five landmarks on anchor-free grids (Wu et al., "YuNet: A Tiny Millisecond-level Face
Detector", 2023, https://doi.org/10.1007/s11633-023-1423-y; https://github.com/ShiqiYu/libfacedetection.train).

Each of the grids of strides 8, 16 and 32 has four outputs: the face's and the object's probability, box and
landmarks. They are told apart by their shapes, so their names and order may be any. The input is BGR,
0-255, padded with black to the right and below.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edged.algorithm.color import Color
from edged.algorithm.faces.head import FaceCandidates, FaceHead, Outputs
from edged.algorithm.frame import Fit
from edged.algorithm.image_input import AS_IT_IS

_STRIDES = (8, 16, 32)
_NUMBERS = [1, 1, 4, 10]
"""Of a cell's four outputs."""
_LARGEST_LOG = 10.0
"""exp(10) cells are wider than any picture; more would overflow."""


def fits(shapes: Sequence[tuple[int, ...]], width: int, height: int) -> bool:
    wanted = [(cells, numbers) for cells in _cells(width, height) for numbers in _NUMBERS]
    return sorted(shapes) == sorted(wanted)


def decode(outputs: Outputs, width: int, height: int, score: float) -> FaceCandidates:
    """A cell's box: offset of the centre in cells, logarithms of width and height in cells; its landmarks:
    offsets in cells. The score is the geometric mean of the two probabilities.
    """
    found = [
        _decode_grid([each for each in outputs if len(each) == cells], width // stride, stride, score)
        for cells, stride in zip(_cells(width, height), _STRIDES, strict=True)
    ]
    return FaceCandidates(
        np.concatenate([each.boxes for each in found]),
        np.concatenate([each.scores for each in found]),
        np.concatenate([each.points for each in found]),
    )


def _decode_grid(outputs: Outputs, columns: int, stride: int, score: float) -> FaceCandidates:
    face, thing, boxes, points = sorted(outputs, key=lambda each: each.shape[1])
    scores = np.sqrt(np.clip(face[:, 0], 0, 1) * np.clip(thing[:, 0], 0, 1))
    kept = np.flatnonzero(scores >= score)
    origins = _origins(kept, columns)
    centers = origins + boxes[kept, :2]
    halves = np.exp(np.minimum(boxes[kept, 2:], _LARGEST_LOG)) / 2
    corners = np.concatenate((centers - halves, centers + halves), axis=1)
    marks = origins[:, np.newaxis] + points[kept].reshape(-1, 5, 2)
    size = np.float32(stride)
    return FaceCandidates(
        np.asarray(corners * size, dtype=np.float32), np.asarray(scores[kept], dtype=np.float32), marks * size
    )


def _origins(cells: NDArray[np.intp], columns: int) -> NDArray[np.float32]:
    """Column and row of each cell."""
    return np.stack((cells % columns, cells // columns), axis=1).astype(np.float32)


def _cells(width: int, height: int) -> list[int]:
    return [(width // stride) * (height // stride) for stride in _STRIDES]


YUNET = FaceHead(
    name="yunet",
    outputs="for each stride 8, 16, 32: 1 x cells x 1 (twice), 1 x cells x 4, 1 x cells x 10",
    color=Color.BGR,
    scaling=AS_IT_IS,
    fit=Fit.LETTERBOX,
    pad=0,
    step=32,
    fits=fits,
    decode=decode,
)
