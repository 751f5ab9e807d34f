"""What pose models return, as keypoints in pixels of the picture they were given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edged.algorithm.heads.grid import cells
from edged.algorithm.picture_params import Normalize

COCO_KEYPOINTS = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder",
    "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee",
    "right_knee", "left_ankle", "right_ankle",
)  # fmt: skip
"""As COCO numbers them (cocodataset.org/#keypoints-2020)."""
COCO_BONES = (
    (15, 13), (13, 11), (16, 14), (14, 12), (11, 12), (5, 11), (6, 12), (5, 6), (5, 7), (6, 8), (7, 9),
    (8, 10), (1, 2), (0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 6),
)  # fmt: skip
"""Pairs of keypoints that are drawn joined."""

Outputs: TypeAlias = Sequence[NDArray[Any]]
Shapes: TypeAlias = Sequence[tuple[int, ...]]

_STRIDES = ((8, 16, 32), (8, 16, 32, 64))
_MOST_POINTS = 512
_LEAST_PEAK = 1e-6


@dataclass(frozen=True, slots=True)
class Poses:
    """Of ``n`` bodies; of a head for one body, one for each picture of the batch."""

    points: NDArray[np.float32]
    """``(n, k, 3)``: x and y in pixels of the model's input, score (0-1)."""
    boxes: NDArray[np.float32] | None = None
    """``(n, 4)``: corners in pixels of the input; None: the model tells none."""
    scores: NDArray[np.float32] | None = None
    """``(n,)``, with ``boxes``."""
    overlapping: bool = False
    """Whether one body may stand there several times."""


@dataclass(frozen=True, slots=True)
class PoseHead:
    """One family of pose models."""

    name: str
    output: str
    """The outputs it recognises, for people."""
    single: bool
    """Whether it looks for one body only: it is run on the crop of each."""
    normalize: Normalize
    pad: int
    """What a letterbox is filled with."""
    keypoints: Callable[[Shapes, int, int], int | None]
    """``keypoints(shapes, width, height)``: how many there are in outputs of these shapes, for an input of
    this size; None: the outputs are not this head's."""
    decode: Callable[[Outputs, int, int, float], Poses]
    """``decode(outputs, width, height, score)``: bodies of at least ``score``, where it tells one."""


def recognise_pose(shapes: Shapes, width: int, height: int) -> PoseHead | None:
    """The first head that knows outputs of these shapes."""
    known = (head for head in POSE_HEADS.values() if head.keypoints(shapes, width, height))
    return next(known, None)


def _simcc_keypoints(shapes: Shapes, width: int, height: int) -> int | None:
    return shapes[0][1] if _simcc_order(shapes, width, height) else None


def _simcc_order(shapes: Shapes, width: int, height: int) -> tuple[int, int] | None:
    """Which of two outputs is x and which y: both split a pixel into equally many bins."""
    if len(shapes) != 2 or any(len(shape) != 3 for shape in shapes) or shapes[0][1] != shapes[1][1]:
        return None
    for across, down in ((0, 1), (1, 0)):
        bins_x, bins_y = shapes[across][2], shapes[down][2]
        if bins_x >= width and bins_x * height == bins_y * width:
            return across, down
    return None


def _simcc(outputs: Outputs, width: int, height: int, score: float) -> Poses:
    """SimCC (Li et al., 2022; RTMPose): the best bin of each axis, as sure as the less sure of both."""
    order = _simcc_order([output.shape for output in outputs], width, height) or (0, 1)
    across, down = outputs[order[0]], outputs[order[1]]
    x = across.argmax(axis=2) * (width / across.shape[2])
    y = down.argmax(axis=2) * (height / down.shape[2])
    sure = np.minimum(across.max(axis=2), down.max(axis=2))
    return Poses(np.stack((x, y, np.clip(sure, 0, 1)), axis=2).astype(np.float32))


def _heatmap_keypoints(shapes: Shapes, width: int, height: int) -> int | None:
    shape = shapes[0]
    if len(shape) != 4 or not 1 < shape[1] <= _MOST_POINTS:
        return None
    rows, columns = shape[2:]
    fits = columns * height == rows * width and 1 < columns <= width and width % columns == 0
    return shape[1] if fits else None


def _heatmap(outputs: Outputs, width: int, height: int, score: float) -> Poses:
    """Heatmaps (HRNet and its like): the peak, and where between the cells it lies.

    The logarithm of a Gaussian is a parabola, so three cells tell its middle (the one-dimensional case of
    Zhang et al., Distribution-Aware Coordinate Representation, 2020).
    """
    maps = outputs[0].astype(np.float32, copy=False)
    batch, count, rows, columns = maps.shape
    flat = maps.reshape(batch * count, rows * columns)
    best = flat.argmax(axis=1)
    row, column = np.divmod(best, columns)
    stack = flat.reshape(-1, rows, columns)
    one = np.arange(len(stack))
    x = column + _between(stack[one, row], column)
    y = row + _between(stack[one, :, column], row)
    peak = np.clip(flat[one, best], 0, 1)
    scale = np.float32(width / columns)
    points = np.stack((x * scale, y * scale, peak), axis=1)
    return Poses(points.reshape(batch, count, 3).astype(np.float32))


def _between(lines: NDArray[np.float32], peaks: NDArray[np.intp]) -> NDArray[np.float32]:
    """How far the true peak of each line lies from its highest cell, -0.5 to 0.5."""
    one, last = np.arange(len(lines)), lines.shape[1] - 1
    inner = (peaks > 0) & (peaks < last)
    logs = [
        np.log(np.maximum(lines[one, np.clip(peaks + step, 0, last)], _LEAST_PEAK)) for step in (-1, 0, 1)
    ]
    bend = logs[0] - 2 * logs[1] + logs[2]
    safe = np.where(bend < 0, bend, -1)
    shift = np.where(inner & (bend < 0), (logs[0] - logs[2]) / (2 * safe), 0)
    return np.asarray(np.clip(shift, -0.5, 0.5), dtype=np.float32)


def _movenet_keypoints(shapes: Shapes, width: int, height: int) -> int | None:
    shape = shapes[0]
    return shape[2] if len(shape) == 4 and shape[1] == 1 and shape[3] == 3 and shape[2] > 3 else None


def _movenet(outputs: Outputs, width: int, height: int, score: float) -> Poses:
    """MoveNet for one body (tfhub.dev/google/movenet): y, x in fractions of the input, score."""
    return Poses(_from_fractions(outputs[0][:, 0], width, height))


def _movenet_multi_keypoints(shapes: Shapes, width: int, height: int) -> int | None:
    return 17 if len(shapes[0]) == 3 and shapes[0][1:] == (6, 56) else None


def _movenet_multi(outputs: Outputs, width: int, height: int, score: float) -> Poses:
    """MoveNet for up to six: 17 times y, x, score, then y_min, x_min, y_max, x_max, score."""
    found = outputs[0][0].astype(np.float32, copy=False)
    found = found[found[:, 55] >= score]
    boxes = found[:, [52, 51, 54, 53]] * np.array([width, height, width, height], dtype=np.float32)
    return Poses(_from_fractions(found[:, :51].reshape(-1, 17, 3), width, height), boxes, found[:, 55])


def _from_fractions(points: NDArray[Any], width: int, height: int) -> NDArray[np.float32]:
    sizes = np.array([width, height, 1], dtype=np.float32)
    return np.asarray(points[..., [1, 0, 2]] * sizes, dtype=np.float32)


def _yolo_keypoints(shapes: Shapes, width: int, height: int) -> int | None:
    columns = _yolo_columns(shapes[0], width, height)
    return (columns - 5) // 3 if columns and columns > 5 and (columns - 5) % 3 == 0 else None


def _yolo_columns(shape: tuple[int, ...], width: int, height: int) -> int | None:
    counts = [cells(width, height, strides) for strides in _STRIDES]
    if len(shape) != 3:
        return None
    if shape[2] in counts:
        return shape[1]
    return shape[2] if shape[1] in counts else None


def _yolo(outputs: Outputs, width: int, height: int, score: float) -> Poses:
    """Ultralytics' pose models: x, y of the centre, width, height, score; x, y, score of each keypoint."""
    output = outputs[0][0].astype(np.float32, copy=False)
    counts = [cells(width, height, strides) for strides in _STRIDES]
    columns = output if output.shape[1] in counts else output.T
    found = columns[:, columns[4] >= score].T
    centers, halves = found[:, :2], found[:, 2:4] / 2
    boxes = np.concatenate((centers - halves, centers + halves), axis=1)
    return Poses(found[:, 5:].reshape(len(found), -1, 3), boxes, found[:, 4], overlapping=True)


def _yolo_nms_keypoints(shapes: Shapes, width: int, height: int) -> int | None:
    shape = shapes[0]
    if len(shapes) > 1 or len(shape) != 3 or _yolo_columns(shape, width, height):
        return None
    if shape[2] <= 6 or (shape[2] - 6) % 3 or shape[1] > 1000:
        return None
    return (shape[2] - 6) // 3


def _yolo_nms(outputs: Outputs, width: int, height: int, score: float) -> Poses:
    """The same with suppression inside: corners, score, class, then x, y, score of each keypoint."""
    output = outputs[0][0].astype(np.float32, copy=False)
    found = output[output[:, 4] >= score]
    return Poses(found[:, 6:].reshape(len(found), -1, 3), found[:, :4], found[:, 4])


POSE_HEADS = {
    head.name: head
    for head in (
        PoseHead(
            "movenet", "1 x 1 x K x 3: y, x, score", True, Normalize.NONE, 0,
            _movenet_keypoints, _movenet,
        ),
        PoseHead(
            "movenet_multi", "1 x 6 x 56", False, Normalize.NONE, 0,
            _movenet_multi_keypoints, _movenet_multi,
        ),
        PoseHead(
            "simcc", "1 x K x (width times bins) and 1 x K x (height times bins)", True,
            Normalize.IMAGENET, 0, _simcc_keypoints, _simcc,
        ),
        PoseHead(
            "heatmap", "1 x K x H/n x W/n", True, Normalize.IMAGENET, 0,
            _heatmap_keypoints, _heatmap,
        ),
        PoseHead(
            "yolov8_pose", "1 x (5 + 3K) x cells", False, Normalize.UNIT, 114, _yolo_keypoints, _yolo,
        ),
        PoseHead(
            "yolov8_pose_nms", "1 x n x (6 + 3K)", False, Normalize.UNIT, 114,
            _yolo_nms_keypoints, _yolo_nms,
        ),
    )
}  # fmt: skip
"""In the order in which outputs are recognised."""
