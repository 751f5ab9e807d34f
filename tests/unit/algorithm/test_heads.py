from __future__ import annotations

import math

import numpy as np
import pytest

from edged.algorithm import AlgorithmError
from edged.algorithm.heads import HEADS, recognise
from edged.algorithm.heads.yolov8 import decode as decode_yolov8
from edged.algorithm.heads.yolox import decode as decode_yolox

CELLS_64 = 8 * 8 + 4 * 4 + 2 * 2
CELLS_416 = 52 * 52 + 26 * 26 + 13 * 13


@pytest.mark.parametrize(
    ("shape", "labels", "head"),
    [
        ((1, CELLS_416, 85), None, "yolox"),
        ((1, CELLS_416, 6), None, "yolox"),
        ((1, CELLS_416, 85), 81, "yolov8"),
        ((1, CELLS_416, 84), None, "yolov8"),
        ((1, CELLS_416, 84), 79, "yolox"),
        ((1, 84, CELLS_416), None, "yolov8"),
        ((1, 5, CELLS_416), None, "yolov8"),
        ((1, 5, CELLS_416), 1, "yolov8"),
    ],
)
def test_a_head_is_known_by_its_shape(shape: tuple[int, ...], labels: int | None, head: str) -> None:
    assert recognise([shape], 416, 416, labels).name == head


def test_the_larger_models_with_stride_64_are_known() -> None:
    cells = sum((1280 // stride) ** 2 for stride in (8, 16, 32, 64))
    assert recognise([(1, cells, 85)], 1280, 1280).name == "yolox"
    assert recognise([(1, 84, cells)], 1280, 1280).name == "yolov8"


@pytest.mark.parametrize("shapes", [[(1, 85, 22, 22)], [(1, 25200, 85)], [(1, 300, 6)], [(10,), (10, 4)]])
def test_an_unknown_output_names_the_shapes_and_the_heads(shapes: list[tuple[int, ...]]) -> None:
    with pytest.raises(AlgorithmError) as raised:
        recognise(shapes, 640, 640)
    message = str(raised.value)
    assert "x".join(map(str, shapes[0])) in message
    assert all(name in message for name in HEADS)


def test_yolox_adds_the_grid_and_takes_the_exponential() -> None:
    output = np.zeros((CELLS_64, 5 + 3), dtype=np.float32)
    output[:, 4] = 0.01
    at_8, at_32 = 3 * 8 + 5, 64 + 16 + 1 * 2 + 0
    output[at_8] = [0.5, 0.25, math.log(4), math.log(2), 0.9, 0.1, 0.8, 0.3]
    output[at_32] = [0.0, 0.5, math.log(1), math.log(1.5), 0.8, 0.9, 0.0, 0.0]
    made = decode_yolox(output, 64, 64, 0.5)
    assert np.allclose(made.boxes[0], [44 - 16, 26 - 8, 44 + 16, 26 + 8], atol=1e-4)
    assert np.allclose(made.boxes[1], [0 - 16, 48 - 24, 0 + 16, 48 + 24], atol=1e-4)
    assert np.allclose(made.scores, [0.72, 0.72])
    assert made.label_ids.tolist() == [1, 0]


def test_yolox_leaves_out_what_objectness_times_class_does_not_reach() -> None:
    output = np.zeros((CELLS_64, 6), dtype=np.float32)
    output[:2, 4:] = [[0.7, 0.5], [0.7, 0.9]]
    assert np.allclose(decode_yolox(output, 64, 64, 0.5).scores, [0.63])


def test_yolox_sizes_without_bound_stay_finite() -> None:
    output = np.zeros((CELLS_64, 6), dtype=np.float32)
    output[0] = [0, 0, 1e6, 1e6, 1, 1]
    assert np.isfinite(decode_yolox(output, 64, 64, 0.5).boxes).all()


@pytest.mark.parametrize("transposed", [False, True])
def test_yolov8_reads_centres_and_sizes(transposed: bool) -> None:
    output = np.zeros((4 + 3, CELLS_64), dtype=np.float32)
    output[:, 7] = [32, 20, 10, 8, 0.1, 0.2, 0.7]
    output[:, 70] = [5, 6, 4, 2, 0.6, 0.5, 0.0]
    made = decode_yolov8(output.T.copy() if transposed else output, 64, 64, 0.4)
    assert np.allclose(made.boxes, [[27, 16, 37, 24], [3, 5, 7, 7]])
    assert np.allclose(made.scores, [0.7, 0.6])
    assert made.label_ids.tolist() == [2, 0]


@pytest.mark.parametrize("name", HEADS)
def test_nothing_found_is_no_boxes(name: str) -> None:
    head = HEADS[name]
    shape = (CELLS_64, 85) if name == "yolox" else (84, CELLS_64)
    made = head.decode(np.zeros(shape, dtype=np.float32), 64, 64, 0.4)
    assert made.boxes.shape == (0, 4)
    assert len(made.scores) == len(made.label_ids) == 0
