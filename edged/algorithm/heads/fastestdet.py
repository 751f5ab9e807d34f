"""FastestDet: one grid of stride 16 (https://github.com/dog-qiuqiu/FastestDet).

The input is BGR, 0-1, stretched. Scores as the project evaluates them: objectness^0.6 times class^0.4.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edged.algorithm.color import Color
from edged.algorithm.frame import Anchor, Fit
from edged.algorithm.heads.head import Candidates, Head, corners
from edged.algorithm.heads.signature import Outputs, Signature
from edged.algorithm.image_input import Scaling

_STRIDE = 16
_OF_OBJECTNESS, _OF_CLASS = 0.6, 0.4


def classes(model: Signature) -> int | None:
    shape, outputs = model.shape, model.outputs
    if shape is None or len(shape) != 4 or shape[1] < 6:
        return None
    if shape[2:] != (outputs.height // _STRIDE, outputs.width // _STRIDE):
        return None
    return shape[1] - 5


def decode(outputs: Outputs, score: float) -> Candidates:
    """The output: ``(1, 5 + classes, rows, columns)``: objectness, dx, dy, width, height, classes.

    The centre is the cell's corner plus tanh of dx and dy, in cells; the size is a sigmoid, a fraction
    of the picture's.
    """
    planes = outputs.arrays[0][0]
    rows, columns = planes.shape[1:]
    table = planes.reshape(len(planes), -1)
    # no class is above 1, so an objectness below it cannot reach the score
    kept = np.flatnonzero(table[0] >= score ** (1 / _OF_OBJECTNESS))
    chosen = table[:, kept]
    label_ids = chosen[5:].argmax(axis=0)
    best = chosen[5 + label_ids, np.arange(len(kept))]
    scores = np.maximum(chosen[0], 0) ** _OF_OBJECTNESS * np.maximum(best, 0) ** _OF_CLASS
    size = np.array([outputs.width, outputs.height], dtype=np.float32)
    cells = np.stack((kept % columns, kept // columns), axis=1)
    centers = (cells + np.tanh(chosen[1:3].T)) * size / (columns, rows)
    boxes = corners(centers.astype(np.float32), _sigmoid(chosen[3:5].T) * size)
    return Candidates(boxes, scores, label_ids)[scores >= score]


def _sigmoid(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(0.5 * (1 + np.tanh(values / 2)), dtype=np.float32)


FASTESTDET = Head(
    name="fastestdet",
    output="1 x (5 + classes) x height/16 x width/16",
    color=Color.BGR,
    scaling=Scaling(1 / 255),
    fit=Fit.STRETCH,
    anchor=Anchor.TOP_LEFT,
    classes=classes,
    decode=decode,
)
