"""Each head on outputs made by hand, and how a model is recognised."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edged.algorithm import AlgorithmError, Tensor
from edged.algorithm.heads import HEADS, UNTOLD, Candidates, Outputs, Signature, fitting, recognise

CELLS_64 = 8 * 8 + 4 * 4 + 2 * 2
CELLS_416 = 52 * 52 + 26 * 26 + 13 * 13
CELLS_PLUS = CELLS_416 + 7 * 7
IMAGES = Tensor("images", (1, 3, 416, 416), np.dtype(np.float32))
SIZE = Tensor("orig_target_sizes", (1, 2), np.dtype(np.int64))


def outputs_of(*arrays: NDArray[Any], names: str = "", size: int = 64) -> Outputs:
    """Named ``output0``, ``output1`` … unless ``names``, separated by blanks, says otherwise."""
    called = names.split() or [f"output{place}" for place in range(len(arrays))]
    return Outputs(tuple(called), arrays, size, size)


def signature(
    *shapes: tuple[int, ...],
    names: str = "",
    size: int = 416,
    metadata: Mapping[str, str] | None = None,
    inputs: tuple[Tensor, ...] = (IMAGES,),
) -> Signature:
    arrays = (np.zeros(shape, dtype=np.float32) for shape in shapes)
    return Signature(outputs_of(*arrays, names=names, size=size), inputs, metadata or {})


def decoded(
    head: str, *arrays: NDArray[Any], score: float = 0.5, names: str = "", size: int = 64
) -> Candidates:
    floats = (array if array.dtype.kind == "i" else array.astype(np.float32) for array in arrays)
    return HEADS[head].decode(outputs_of(*floats, names=names, size=size), score)


@pytest.mark.parametrize(
    ("shape", "labels", "head"),
    [
        ((1, CELLS_416, 85), None, "yolox"),
        ((1, CELLS_416, 6), None, "yolox"),
        ((1, CELLS_416, 85), 81, "yolov8"),
        ((1, CELLS_416, 84), None, "yolov8"),
        ((1, CELLS_416, 84), 79, "yolox"),
        ((1, CELLS_416, 112), None, "nanodet"),
        ((1, 84, CELLS_416), None, "yolov8"),
        ((1, 5, CELLS_416), None, "yolov8"),
        ((1, 5, CELLS_416), 1, "yolov8"),
        ((1, 3 * CELLS_416, 85), None, "yolov5"),
        ((1, 3 * CELLS_416, 6), 1, "yolov5"),
        ((1, 300, 6), None, "end2end"),
        ((1, 300, 6), 80, "end2end"),
        ((1, 300, 6), 2, "end2end"),
        ((1, 0, 6), 80, "end2end"),
        ((1, 300, 84), None, "rtdetr-ultralytics"),
        ((1, 300, 7), 3, "rtdetr-ultralytics"),
        ((0, 7), None, "yolov7-end2end"),
        ((100, 7), 3, "yolov7-end2end"),
        ((1, 85, 26, 26), None, "fastestdet"),
        ((1, CELLS_PLUS, 112), None, "nanodet-plus"),
        ((1, CELLS_PLUS, 35), 3, "nanodet-plus"),
    ],
)
def test_a_head_is_known_by_its_shape(shape: tuple[int, ...], labels: int | None, head: str) -> None:
    assert recognise(signature(shape), labels).head.name == head


TENSORFLOW = "detection_boxes:0 detection_classes:0 detection_scores:0 num_detections:0"
BOXES, LIST = (1, 10, 4), (1, 10)


@pytest.mark.parametrize(
    ("shapes", "names", "inputs", "head", "classes"),
    [
        ((BOXES, LIST, LIST, (1,)), TENSORFLOW, (IMAGES,), "ssd-tensorflow", UNTOLD),
        (((1,), LIST, BOXES, LIST), "", (IMAGES,), "ssd-tensorflow", UNTOLD),
        ((BOXES, LIST, LIST), "bboxes labels scores", (IMAGES,), "ssd-finished", UNTOLD),
        (((10, 4), (10,), (10,)), "boxes labels scores", (IMAGES,), "ssd-finished", UNTOLD),
        ((LIST, BOXES, LIST), "labels boxes scores", (IMAGES, SIZE), "rtdetr", UNTOLD),
        (((1, 3000, 21), (1, 3000, 4)), "scores boxes", (IMAGES,), "ssd", 20),
        (((1, 3000, 4), (1, 3000, 2)), "", (IMAGES,), "ssd", 1),
        (
            ((1, 3 * CELLS_416, 85), *((1, 3, n, n, 85) for n in (52, 26, 13))),
            "",
            (IMAGES,),
            "yolov5",
            80,
        ),
    ],
)
def test_models_with_several_outputs_are_known(
    shapes: tuple[Any, ...], names: str, inputs: tuple[Tensor, ...], head: str, classes: int
) -> None:
    found = recognise(signature(*shapes, names=names, inputs=inputs))
    assert (found.head.name, found.classes) == (head, classes)


def test_the_larger_models_with_stride_64_are_known() -> None:
    cells = sum((1280 // stride) ** 2 for stride in (8, 16, 32, 64))
    assert recognise(signature((1, cells, 85), size=1280)).head.name == "yolox"
    assert recognise(signature((1, 84, cells), size=1280)).head.name == "yolov8"
    assert recognise(signature((1, 3 * cells, 85), size=1280)).head.name == "yolov5"


def test_what_the_exporter_wrote_tells_two_families_apart() -> None:
    rtdetr = {"description": "Ultralytics RT-DETR-l model trained on two.yaml"}
    assert recognise(signature((1, 300, 6), metadata=rtdetr), 2).head.name == "rtdetr-ultralytics"
    with pytest.raises(AlgorithmError, match="no head is known"):
        recognise(signature((1, 56, CELLS_416), metadata={"task": "pose"}))


def test_offsets_from_priors_are_not_taken_for_boxes() -> None:
    offsets = np.random.default_rng(1).normal(size=(1, 8732, 4)).astype(np.float32)
    outputs = outputs_of(np.zeros((1, 8732, 21), dtype=np.float32), offsets, names="scores boxes", size=300)
    assert [each.head.name for each in fitting(Signature(outputs))] == ["ssd-offsets"]


@pytest.mark.parametrize(
    ("sizes", "objectness", "classes", "wanted"),
    [
        ((-0.5, 2.0), 0.01, 0.0, "yolox"),
        ((8.0, 90.0), 0.01, 0.0, "yolox-decoded"),
        ((8.0, 90.0), 1.0, 0.0, "yolov6"),
        ((8.0, 90.0), 1.2, 0.9, "nanodet"),
    ],
)
def test_what_numbers_look_like_tells_families_of_one_shape_apart(
    sizes: tuple[float, float], objectness: float, classes: float, wanted: str
) -> None:
    """Twenty classes: as NanoDet's they are 52 columns, the last 32 of them unbounded."""
    table = np.full((1, CELLS_416, 5 + 47), classes, dtype=np.float32)
    table[0, :, 2:4], table[0, :, 4] = sizes, objectness
    if wanted == "nanodet":
        table = np.concatenate((np.full((1, CELLS_416, 20), 0.5), np.full((1, CELLS_416, 32), -3.0)), axis=2)
    assert recognise(Signature(outputs_of(table.astype(np.float32), size=416))).head.name == wanted


def test_boxes_in_pixels_are_none_of_an_ssd() -> None:
    """YOLO-NAS has the same shapes, and no background."""
    boxes, scores = np.full((1, 8400, 4), 300.0), np.zeros((1, 8400, 80))
    outputs = outputs_of(boxes.astype(np.float32), scores.astype(np.float32), size=640)
    with pytest.raises(AlgorithmError, match="no head is known"):
        recognise(Signature(outputs))


def test_all_that_fit_are_told_the_best_first() -> None:
    found = fitting(signature((1, CELLS_416, 85)))
    assert [(each.head.name, each.classes) for each in found] == [
        ("yolox", 80),
        ("yolov8", 81),
        ("nanodet", 53),
    ]


@pytest.mark.parametrize(
    "shapes",
    [[(1, 85, 22, 22)], [(1, 25201, 85)], [(1, 3001, 6)], [(10,), (10, 4)], [()], [(1, 1000)], [(7,)]],
)
def test_an_unknown_output_names_the_shapes_and_the_heads(shapes: list[tuple[int, ...]]) -> None:
    with pytest.raises(AlgorithmError) as raised:
        recognise(signature(*shapes, size=640))
    message = str(raised.value)
    assert "output0 " + ("x".join(map(str, shapes[0])) or "scalar") in message
    assert f"Known are {', '.join(HEADS)}: `edged try MODEL PICTURE" in message


def test_yolox_adds_the_grid_and_takes_the_exponential() -> None:
    output = np.zeros((1, CELLS_64, 5 + 3))
    output[0, :, 4] = 0.01
    at_8, at_32 = 3 * 8 + 5, 64 + 16 + 1 * 2 + 0
    output[0, at_8] = [0.5, 0.25, math.log(4), math.log(2), 0.9, 0.1, 0.8, 0.3]
    output[0, at_32] = [0.0, 0.5, math.log(1), math.log(1.5), 0.8, 0.9, 0.0, 0.0]
    made = decoded("yolox", output)
    assert np.allclose(made.boxes[0], [44 - 16, 26 - 8, 44 + 16, 26 + 8], atol=1e-4)
    assert np.allclose(made.boxes[1], [0 - 16, 48 - 24, 0 + 16, 48 + 24], atol=1e-4)
    assert np.allclose(made.scores, [0.72, 0.72])
    assert made.label_ids.tolist() == [1, 0]


@pytest.mark.parametrize(("head", "cells"), [("yolox", CELLS_64), ("yolov5", 3 * CELLS_64)])
def test_what_objectness_times_class_does_not_reach_is_left_out(head: str, cells: int) -> None:
    output = np.zeros((1, cells, 6))
    output[0, :2, 4:] = [[0.7, 0.5], [0.7, 0.9]]
    assert np.allclose(decoded(head, output).scores, [0.63])


def test_yolox_sizes_without_bound_stay_finite() -> None:
    output = np.zeros((1, CELLS_64, 6))
    output[0, 0] = [0, 0, 1e6, 1e6, 1, 1]
    assert np.isfinite(decoded("yolox", output).boxes).all()


@pytest.mark.parametrize("transposed", [False, True])
def test_yolov8_reads_centres_and_sizes(transposed: bool) -> None:
    output = np.zeros((1, 4 + 3, CELLS_64))
    output[0, :, 7] = [32, 20, 10, 8, 0.1, 0.2, 0.7]
    output[0, :, 70] = [5, 6, 4, 2, 0.6, 0.5, 0.0]
    made = decoded("yolov8", output.transpose(0, 2, 1) if transposed else output, score=0.4)
    assert np.allclose(made.boxes, [[27, 16, 37, 24], [3, 5, 7, 7]])
    assert np.allclose(made.scores, [0.7, 0.6])
    assert made.label_ids.tolist() == [2, 0]


@pytest.mark.parametrize("head", ["yolov5", "yolov6", "yolox-decoded"])
def test_yolov5_and_its_like_read_centres_sizes_objectness_and_classes(head: str) -> None:
    output = np.zeros((1, 3 * CELLS_64 if head == "yolov5" else CELLS_64, 7))
    output[0, 50] = [32, 20, 10, 8, 0.9, 0.2, 0.8]
    made = decoded(head, output)
    assert np.allclose(made.boxes, [[27, 16, 37, 24]])
    assert np.allclose(made.scores, [0.72])
    assert made.label_ids.tolist() == [1]


def test_exports_that_leave_out_doubles_are_read_as_they_are() -> None:
    rows = np.zeros((1, 300, 6))
    rows[0, :3] = [[1, 2, 30, 40, 0.9, 7], [5, 6, 7, 8, 0.5, 0], [5, 6, 7, 8, 0.4, 1]]
    made = decoded("end2end", rows)
    assert made.boxes.tolist() == [[1, 2, 30, 40], [5, 6, 7, 8]]
    assert made.label_ids.tolist() == [7, 0]
    made = decoded("yolov7-end2end", np.array([[0, 1, 2, 30, 40, 7, 0.9], [0, 5, 6, 7, 8, 3, 0.1]]))
    assert made.boxes.tolist() == [[1, 2, 30, 40]]
    assert (made.label_ids.tolist(), made.scores.tolist()) == ([7], [pytest.approx(0.9)])


def test_fastestdet_bends_offsets_and_weighs_scores() -> None:
    output = np.zeros((1, 5 + 2, 4, 4))
    output[0, :, 1, 2] = [0.81, math.atanh(0.5), math.atanh(-0.25), 0.0, math.log(3), 0.36, 0.64]
    made = decoded("fastestdet", output)
    # column 2.5 and row 0.75 of cells of 16 pixels; half and three quarters of 64 pixels
    assert np.allclose(made.boxes, [[40 - 16, 12 - 24, 40 + 16, 12 + 24]], atol=1e-3)
    assert np.allclose(made.scores, [0.81**0.6 * 0.64**0.4])
    assert made.label_ids.tolist() == [1]


@pytest.mark.parametrize(("head", "middle"), [("nanodet", 0.5), ("nanodet-plus", 0.0)])
def test_nanodet_takes_the_mean_of_each_side(head: str, middle: float) -> None:
    output = np.zeros((1, CELLS_64 + (head == "nanodet-plus"), 2 + 32))
    logits = np.full((4, 8), -50.0)
    logits[0, 1] = logits[1, 2] = logits[3, 3] = 50.0
    logits[2, 0] = logits[2, 7] = 50.0  # as likely 0 as 7: 3.5
    output[0, 64 + 1 * 4 + 2, :2] = 0.1, 0.8
    output[0, 64 + 1 * 4 + 2, 2:] = logits.reshape(-1)
    made = decoded(head, output)
    x, y = (2 + middle) * 16, (1 + middle) * 16
    assert np.allclose(made.boxes, [np.clip([x - 16, y - 32, x + 56, y + 48], 0, 64)], atol=1e-3)
    assert (made.label_ids.tolist(), made.scores.tolist()) == ([1], [pytest.approx(0.8)])


@pytest.mark.parametrize("order", ["boxes classes scores num", "num scores classes boxes"])
@pytest.mark.parametrize("named", [True, False])
def test_tensorflow_outputs_come_in_any_order(order: str, named: bool) -> None:
    parts = {
        "boxes": np.array([[[0.1, 0.2, 0.5, 0.6], [0, 0, 1, 1], [0, 0, 0.3, 0.3]]]),
        "classes": np.array([[18.0, 1.0, 2.0]]),
        "scores": np.array([[0.9, 0.7, 0.6]]),
        "num": np.array([2.0]),
    }
    names = {"boxes": "detection_boxes", "classes": "detection_classes", "scores": "detection_scores"}
    called = " ".join(f"{names.get(part, 'num_detections')}:0" for part in order.split()) if named else ""
    made = decoded("ssd-tensorflow", *(parts[part] for part in order.split()), names=called, size=100)
    assert np.allclose(made.boxes, [[20, 10, 60, 50], [0, 0, 100, 100]])
    assert made.label_ids.tolist() == [18, 1]
    assert HEADS["ssd-tensorflow"].labels[18 - 1] == "dog"


@pytest.mark.parametrize(("boxes", "size"), [([0.1, 0.2, 0.5, 0.6], 100), ([10, 20, 50, 60], 100)])
def test_named_boxes_are_fractions_or_pixels(boxes: list[float], size: int) -> None:
    arrays = np.array([[boxes, [0, 0, 0, 0]]]), np.array([[3, 1]]), np.array([[0.8, 0.1]])
    made = decoded("ssd-finished", *arrays, names="bboxes labels scores", size=size)
    assert np.allclose(made.boxes, [[10, 20, 50, 60]])
    assert made.label_ids.tolist() == [3]


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("logits", [False, True])
def test_ssd_leaves_out_the_background(swapped: bool, logits: bool) -> None:
    scores = np.full((1, 40, 3), [0.98, 0.01, 0.01])
    scores[0, 20] = [0.1, 0.2, 0.7]
    boxes = np.zeros((1, 40, 4))
    boxes[0, 20] = [0.1, 0.2, 0.5, 0.6]
    arrays = [np.log(scores) + 3 if logits else scores, boxes]
    made = decoded("ssd", *(arrays[::-1] if swapped else arrays), size=100)
    assert np.allclose(made.boxes, [[10, 20, 50, 60]])
    assert np.allclose(made.scores, [0.7], atol=1e-5)
    assert made.label_ids.tolist() == [1]


def test_rtdetr_of_the_authors_is_read_by_name() -> None:
    arrays = np.array([[5, 2]]), np.array([[[1, 2, 30, 40], [0, 0, 9, 9]]]), np.array([[0.8, 0.3]])
    made = decoded("rtdetr", *arrays, names="labels boxes scores")
    assert (made.boxes.tolist(), made.label_ids.tolist()) == ([[1, 2, 30, 40]], [5])


def test_rtdetr_of_ultralytics_has_fractions() -> None:
    output = np.zeros((1, 300, 4 + 3))
    output[0, 7] = [0.5, 0.25, 0.5, 0.25, 0.1, 0.0, 0.9]
    made = decoded("rtdetr-ultralytics", output, size=64)
    assert np.allclose(made.boxes, [[16, 8, 48, 24]])
    assert made.label_ids.tolist() == [2]


EMPTY: dict[str, tuple[list[tuple[int, ...]], str]] = {
    "yolox": ([(1, CELLS_64, 85)], ""),
    "yolov8": ([(1, 84, CELLS_64)], ""),
    "yolov5": ([(1, 3 * CELLS_64, 85)], ""),
    "yolov6": ([(1, CELLS_64, 85)], ""),
    "yolox-decoded": ([(1, CELLS_64, 85)], ""),
    "end2end": ([(1, 0, 6)], ""),
    "yolov7-end2end": ([(0, 7)], ""),
    "fastestdet": ([(1, 85, 4, 4)], ""),
    "nanodet": ([(1, CELLS_64, 112)], ""),
    "nanodet-plus": ([(1, CELLS_64 + 1, 112)], ""),
    "rtdetr": ([(1, 300), (1, 300, 4), (1, 300)], "labels boxes scores"),
    "rtdetr-ultralytics": ([(1, 300, 84)], ""),
    "ssd-tensorflow": ([(1, 0, 4), (1, 0), (1, 0), (1,)], TENSORFLOW),
    "ssd-finished": ([(1, 0, 4), (1, 0), (1, 0)], "boxes labels scores"),
    "ssd": ([(1, 3000, 21), (1, 3000, 4)], ""),
    "ssd-offsets": ([(1, 3000, 21), (1, 3000, 4)], ""),
}


@pytest.mark.parametrize("name", HEADS)
def test_nothing_found_is_no_boxes(name: str) -> None:
    shapes, names = EMPTY[name]
    made = decoded(name, *(np.zeros(shape) for shape in shapes), score=0.4, names=names)
    assert made.boxes.shape == (0, 4)
    assert len(made.scores) == len(made.label_ids) == 0
