"""The detector with models built for the purpose, whose answers are known."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from algos.detector import Detector
from edged.algorithm import AlgorithmError, Frame, ParamsInvalid
from edged.algorithm.heads import HEADS
from edged.model.detection import Detection, Outcome
from edged.model.frame import ColorRange, FrameFormat
from tests.pictures import constant_model, header_of, noise_frame, opened, save_model

SIDE = 64
CELLS = 8 * 8 + 4 * 4 + 2 * 2
LARGE = 640
LARGE_CELLS = 80 * 80 + 40 * 40 + 20 * 20
FRAME = FrameFormat(200, 100)
"""Twice as wide as high: letterboxed, it fills 64x32 of the input, 16 rows from the top."""


def yolov8_output(boxes: list[list[float]], classes: int = 3, cells: int = CELLS) -> NDArray[np.float32]:
    """``boxes``: x, y of the centre, width, height, then as many class scores as wanted."""
    output = np.zeros((1, 4 + classes, cells), dtype=np.float32)
    for place, box in enumerate(boxes):
        output[0, : len(box), place] = box
    return output


def found(folder: Path, params: dict[str, Any] | None = None, layout: FrameFormat = FRAME) -> Any:
    algorithm = opened(Detector, {"model": "m.onnx", **(params or {})}, [folder])
    return algorithm.run([noise_frame(layout)], Outcome()).detections


def rounded(detections: tuple[Detection, ...]) -> list[tuple[Any, ...]]:
    return [
        (each.label, round(each.score, 3), tuple(round(edge, 3) for edge in each.box)) for each in detections
    ]


TWO_BOXES = [[32, 32, 32, 16, 0.1, 0.9, 0.2], [10, 20, 8, 8, 0.8], [33, 32, 32, 16, 0.0, 0.7]]
ANSWER = [
    ("class_1", 0.9, (0.25, 0.25, 0.75, 0.75)),
    ("class_0", 0.8, (0.094, 0.0, 0.219, 0.25)),
]


@pytest.mark.parametrize("transposed", [False, True])
def test_a_yolov8_gives_its_known_answer(tmp_path: Path, transposed: bool) -> None:
    output = yolov8_output(TWO_BOXES)
    if transposed:
        output = output.transpose(0, 2, 1)
    names = {"names": "{0: 'a', 1: 'b', 2: 'c'}"} if transposed else None
    constant_model(tmp_path / "m.onnx", output, metadata=names)
    wanted = ANSWER if names is None else [("b", *ANSWER[0][1:]), ("a", *ANSWER[1][1:])]
    assert rounded(found(tmp_path)) == wanted


def test_params_decide_what_is_kept(tmp_path: Path) -> None:
    constant_model(tmp_path / "m.onnx", yolov8_output(TWO_BOXES), metadata={"names": "['a', 'b', 'c']"})
    assert [each.label for each in found(tmp_path, {"score": 0.85})] == ["b"]
    assert [each.label for each in found(tmp_path, {"iou": 1.0})] == ["b", "a", "b"]
    assert [each.label for each in found(tmp_path, {"max_detections": 1})] == ["b"]
    assert [each.label for each in found(tmp_path, {"labels": ["a"]})] == ["a"]
    assert [each.label for each in found(tmp_path, {"names": ["x", "y", "z"]})] == ["y", "x"]
    stretched = found(tmp_path, {"resize": "stretch"})
    assert rounded(stretched)[0][2] == (0.25, 0.375, 0.75, 0.625)


def test_names_may_lie_in_a_file_beside_the_model(tmp_path: Path) -> None:
    constant_model(tmp_path / "m.onnx", yolov8_output(TWO_BOXES))
    (tmp_path / "pets.txt").write_text("cat\ndog\nhen\n")
    assert [each.label for each in found(tmp_path, {"names": "pets.txt"})] == ["dog", "cat"]


def looking_model(path: Path) -> Path:
    """A YOLOv8 with one box whose two scores are the first and the last channel in the middle."""

    def constant(name: str, value: Any) -> Any:
        return numpy_helper.from_array(np.array(value), name)

    nodes, parts = [], []
    for part, channel in (("first", 0), ("last", 2)):
        begin, end = [0, channel, 32, 32], [1, channel + 1, 33, 33]
        parts += [constant(f"{part}_begin", begin), constant(f"{part}_end", end)]
        nodes.append(helper.make_node("Slice", ["images", f"{part}_begin", f"{part}_end"], [f"{part}_pixel"]))
        nodes.append(helper.make_node("Reshape", [f"{part}_pixel", "row"], [part]))
    nodes += [
        helper.make_node("Concat", ["box", "first", "last"], ["cell"], axis=1),
        helper.make_node("Pad", ["cell", "pads"], ["output0"]),
    ]
    box = np.array([32, 32, 64, 32], dtype=np.float32).reshape(1, 4, 1)
    parts += [constant("row", [1, 1, 1]), constant("box", box), constant("pads", [0, 0, 0, 0, 0, CELLS - 1])]
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, SIDE, SIDE])
    answer = helper.make_tensor_value_info("output0", TensorProto.FLOAT, [1, 6, CELLS])
    return save_model(path, helper.make_graph(nodes, "looking", [images], [answer], parts))


def test_a_yolov8_sees_rgb_from_0_to_1_in_the_middle(tmp_path: Path) -> None:
    looking_model(tmp_path / "m.onnx")
    layout = FrameFormat(200, 100, ColorRange.FULL)
    pixels = np.full(layout.frame_bytes, 128, dtype=np.uint8)
    pixels[: layout.y_bytes] = 90
    pixels[layout.y_bytes + layout.chroma_bytes :] = 180
    algorithm = opened(Detector, {"model": "m.onnx", "score": 0.05, "names": ["red", "blue"]}, [tmp_path])
    outcome = algorithm.run([Frame(header_of(layout), pixels)], Outcome())
    (only,) = outcome.detections or ()
    assert only.label == "red"
    assert only.score == pytest.approx((90 + 1.402 * 52) / 255, abs=0.01)
    assert only.box == (0, 0, 1, 1)


@pytest.mark.parametrize(
    ("shape", "kind"),
    [
        ((1, 3, SIDE, SIDE), TensorProto.FLOAT16),
        ((1, SIDE, SIDE, 3), TensorProto.FLOAT),
        ((1, SIDE, SIDE, 3), TensorProto.UINT8),
        ((1, 3, SIDE, SIDE), TensorProto.UINT8),
        (("batch", 3, SIDE, SIDE), TensorProto.FLOAT),
    ],
)
def test_other_layouts_and_numbers_of_the_input(tmp_path: Path, shape: tuple[Any, ...], kind: int) -> None:
    constant_model(tmp_path / "m.onnx", yolov8_output(TWO_BOXES), input_shape=shape, input_type=kind)
    assert rounded(found(tmp_path)) == ANSWER


def test_a_model_that_leaves_its_size_open_gets_one(tmp_path: Path) -> None:
    constant_model(tmp_path / "m.onnx", yolov8_output(TWO_BOXES), input_shape=("n", 3, "height", "width"))
    assert rounded(found(tmp_path, {"input_size": [SIDE, SIDE]})) == ANSWER
    with pytest.raises(AlgorithmError, match="input 640x640"):
        found(tmp_path)


def test_no_boxes_are_no_detections(tmp_path: Path) -> None:
    constant_model(tmp_path / "m.onnx", yolov8_output([]))
    assert found(tmp_path) == ()


def test_boxes_without_an_area_inside_the_frame_are_left_out(tmp_path: Path) -> None:
    boxes = [[32, 5, 10, 6, 0.9], [32, 32, 0, 10, 0.9], [-50, 32, 10, 10, 0.9], [32, 32, 900, 900, 0.9]]
    constant_model(tmp_path / "m.onnx", yolov8_output(boxes))
    assert rounded(found(tmp_path)) == [("class_0", 0.9, (0, 0, 1, 1))]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_is_an_error_that_names_the_model(tmp_path: Path, bad: float) -> None:
    output = yolov8_output(TWO_BOXES)
    output[0, 5, 7] = bad
    constant_model(tmp_path / "m.onnx", output)
    with pytest.raises(AlgorithmError, match=r"m\.onnx returned NaN or infinite numbers"):
        found(tmp_path)


def test_thousands_of_boxes_are_done_in_time(tmp_path: Path) -> None:
    """8400 boxes above the score, on a grid without overlaps: the best 300 of them come out, in order."""
    places = np.arange(LARGE_CELLS)
    output = np.zeros((1, 4 + 80, LARGE_CELLS), dtype=np.float32)
    output[0, 0], output[0, 1] = places % 92 * 6 + 40, places // 92 * 6 + 40
    output[0, 2:4] = 5
    output[0, 4] = 0.5 + 0.4 * places / LARGE_CELLS
    constant_model(tmp_path / "m.onnx", output, input_shape=(1, 3, LARGE, LARGE))
    began = time.process_time()
    made = found(tmp_path, {"iou": 0.5}, FrameFormat(640, 640))
    assert time.process_time() - began < 5
    assert len(made) == 300
    wanted = [
        ((p % 92 * 6 + 37.5) / 640, (p // 92 * 6 + 37.5) / 640)
        for p in range(LARGE_CELLS - 1, LARGE_CELLS - 301, -1)
    ]
    assert np.allclose([each.box[:2] for each in made], wanted, atol=1e-5)


UNKNOWN, KNOWN = np.zeros((1, 85, 22, 22)), np.zeros((1, 7, CELLS))
PLAIN = (1, 3, SIDE, SIDE)


@pytest.mark.parametrize(
    ("output", "shape", "params", "path", "message"),
    [
        (UNKNOWN, PLAIN, {}, "model", "no head is known for outputs of output0 1x85x22x22"),
        (UNKNOWN, PLAIN, {}, "model", f"Known are {', '.join(HEADS)}: `edged try MODEL PICTURE"),
        (KNOWN, PLAIN, {"head": "yolox"}, "head", "head yolox wants an output of"),
        (KNOWN, (2, 3, SIDE, SIDE), {}, "model", "its batch is fixed at 2"),
        (KNOWN, (1, 2, SIDE, SIDE), {}, "model", "takes no picture"),
        (KNOWN, (1, 100), {}, "model", "takes no picture"),
        (KNOWN, PLAIN, {"model": "n.onnx"}, "model", "did you mean 'm.onnx'"),
        (KNOWN, PLAIN, {"model": "broken.onnx"}, "model", "broken.onnx cannot be loaded"),
        (KNOWN, PLAIN, {"input_size": [96, 96]}, "input_size", "takes 64x64 only"),
        (KNOWN, PLAIN, {"names": ["a"]}, "names", "1 names are given, the model has 3"),
        (KNOWN, PLAIN, {"names": "/etc/passwd"}, "names", "name a file in a model folder"),
        (KNOWN, PLAIN, {"names": "pets.txt"}, "names", "there is no 'pets.txt'"),
        (KNOWN, PLAIN, {"labels": ["class_3"]}, "labels", "did you mean 'class_"),
    ],
)
def test_models_and_params_that_cannot_be_are_told_at_once(
    tmp_path: Path,
    output: NDArray[Any],
    shape: tuple[Any, ...],
    params: dict[str, Any],
    path: str,
    message: str,
) -> None:
    constant_model(tmp_path / "m.onnx", output, input_shape=shape)
    (tmp_path / "broken.onnx").write_bytes(b"no model")
    with pytest.raises(ParamsInvalid) as raised:
        found(tmp_path, params)
    assert message in str(raised.value)
    assert raised.value.path == path


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"score": 2}, "score: "),
        ({"head": "yolo"}, "head: .*auto, file:function or one of .*yolox, yolov8"),
        ({"resize": "crop"}, "resize: "),
        ({"modle": "x"}, "did you mean 'model'"),
    ],
)
def test_params_that_cannot_be(tmp_path: Path, params: dict[str, Any], message: str) -> None:
    with pytest.raises(AlgorithmError, match=message):
        found(tmp_path, params)


def test_it_adds_to_what_came_before(tmp_path: Path) -> None:
    constant_model(tmp_path / "m.onnx", yolov8_output([]))
    algorithm = opened(Detector, {"model": "m.onnx"}, [tmp_path])
    earlier = Outcome((Detection((0, 0, 1, 1), 0.9, "motion"),), {"motion": 0.5})
    assert algorithm.run([noise_frame(FRAME)], earlier) == earlier
