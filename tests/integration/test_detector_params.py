"""What a detector's params do, on models whose answers are known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from algos.detector import Detector
from edged.algorithm import AlgorithmError, Frame, ParamsInvalid
from edged.model.detection import Detection, Outcome
from edged.model.frame import ColorRange, FrameFormat
from tests.exports import export
from tests.pictures import constant_model, header_of, noise_frame, opened, save_model

FRAME = FrameFormat(200, 100)
"""Stretched to 100x100, a box that is square there is twice as wide as high."""
SIZE = 100
NAMES = ["person", "car", "dog"]


def end2end(folder: Path, *rows: list[float], rest: int = 20) -> None:
    """A model of 100x100 that answers with ``rows``: x_min, y_min, x_max, y_max, score, class."""
    table = np.zeros((1, len(rows) + rest, 6), dtype=np.float32)
    table[0, : len(rows)] = np.array(rows).reshape(-1, 6)
    constant_model(folder / "m.onnx", table, input_shape=(1, 3, SIZE, SIZE))


def found(folder: Path, **params: Any) -> tuple[Detection, ...]:
    given = {"model": "m.onnx", "names": NAMES, "resize": "stretch", **params}
    detections = opened(Detector, given, [folder]).run([noise_frame(FRAME)], Outcome()).detections
    assert detections is not None
    return detections


def labels(detections: tuple[Detection, ...]) -> list[str]:
    return [each.label for each in detections]


def test_each_label_has_its_score(tmp_path: Path) -> None:
    end2end(tmp_path, [0, 0, 9, 9, 0.6, 0], [20, 0, 29, 9, 0.35, 1], [40, 0, 49, 9, 0.35, 2])
    assert labels(found(tmp_path)) == ["person"]
    assert labels(found(tmp_path, score={"car": 0.3})) == ["person", "car"]
    assert labels(found(tmp_path, score={"person": 0.7, "default": 0.2})) == ["car", "dog"]
    assert labels(found(tmp_path, score={"default": 0.2}, labels=["dog"])) == ["dog"]


def test_doubles_are_left_as_the_model_gives_them_unless_asked(tmp_path: Path) -> None:
    end2end(tmp_path, [0, 0, 50, 50, 0.9, 0], [1, 0, 50, 50, 0.8, 0], [0, 1, 50, 50, 0.7, 1])
    assert labels(found(tmp_path)) == ["person", "person", "car"]
    assert labels(found(tmp_path, nms="class")) == ["person", "car"]
    assert labels(found(tmp_path, nms="all")) == ["person"]


def test_sizes_and_shapes_are_of_the_frame(tmp_path: Path) -> None:
    end2end(tmp_path, [0, 0, 20, 20, 0.9, 0], [0, 0, 50, 80, 0.8, 1], [0, 0, 10, 80, 0.7, 2])
    assert labels(found(tmp_path, min_size=0.15)) == ["person", "car"]
    assert labels(found(tmp_path, min_size=[0.0, 0.5])) == ["car", "dog"]
    assert labels(found(tmp_path, max_size=[0.3, 1.0])) == ["person", "dog"]
    assert labels(found(tmp_path, min_aspect=1.0)) == ["person", "car"]
    assert labels(found(tmp_path, max_aspect=1.5)) == ["car", "dog"]


def test_only_what_is_left_by_size_counts_among_the_best(tmp_path: Path) -> None:
    end2end(tmp_path, [0, 0, 2, 2, 0.9, 0], [0, 0, 50, 80, 0.8, 1])
    assert labels(found(tmp_path, min_size=0.1, max_detections=1)) == ["car"]


def test_a_region_is_all_that_the_model_sees(tmp_path: Path) -> None:
    end2end(tmp_path, [0, 0, 50, 50, 0.9, 0], [60, 60, 100, 100, 0.8, 1])
    seen = found(tmp_path, region=[0.5, 0.0, 1.0, 0.5])
    assert [each.box for each in seen] == [
        pytest.approx((0.5, 0.0, 0.75, 0.25)),
        pytest.approx((0.8, 0.3, 1.0, 0.5)),
    ]
    # the same around it, but only the upper left triangle counts
    assert labels(found(tmp_path, region=[[0.5, 0.0], [1.0, 0.0], [0.5, 0.5]])) == ["person"]


def test_a_region_is_cut_out_of_the_frame(tmp_path: Path) -> None:
    """The model's only box has the score of the brightest pixel that it sees."""
    shape = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, 64, 64])
    answer = helper.make_tensor_value_info("output0", TensorProto.FLOAT, [1, 1, 6])
    parts = {"box": [[[0, 0, 64, 64]]], "class": [[[0]]]}
    nodes = [
        helper.make_node("ReduceMax", ["images"], ["most"], keepdims=0),
        helper.make_node("Reshape", ["most", "row"], ["score"]),
        helper.make_node("Concat", ["box", "score", "class"], ["output0"], axis=2),
    ]
    constants = [
        numpy_helper.from_array(np.array(part, dtype=np.float32), name) for name, part in parts.items()
    ]
    constants.append(numpy_helper.from_array(np.array([1, 1, 1]), "row"))
    save_model(tmp_path / "m.onnx", helper.make_graph(nodes, "bright", [shape], [answer], constants))
    layout = FrameFormat(200, 100, ColorRange.FULL)
    pixels = np.full(layout.frame_bytes, 128, dtype=np.uint8)
    luma = pixels[: layout.y_bytes].reshape(100, 200)
    luma[:] = 50
    luma[:, 150:] = 200
    frame = Frame(header_of(layout), pixels)

    def score(region: list[float] | None) -> float:
        detector = opened(Detector, {"model": "m.onnx", "score": 0.1, "region": region}, [tmp_path])
        (only,) = detector.run([frame], Outcome()).detections or ()
        return only.score

    assert score(None) == pytest.approx(200 / 255, abs=0.01)
    assert score([0.0, 0.0, 0.5, 1.0]) == pytest.approx(50 / 255, abs=0.01)
    assert score([0.7, 0.0, 1.0, 1.0]) == pytest.approx(200 / 255, abs=0.01)


def pixel_model(path: Path, channels: int = 3) -> None:
    """Boxes whose x_min and y_min are the first and the last channel's value in the middle."""
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, channels, 64, 64])
    answer = helper.make_tensor_value_info("output0", TensorProto.FLOAT, [1, 1, 6])
    constants: dict[str, Any] = {"rest": np.array([[[900, 900, 0.9, 0]]], dtype=np.float32), "row": [1, 1, 1]}
    nodes = []
    for part, channel in (("first", 0), ("last", channels - 1)):
        constants |= {f"{part}_begin": [0, channel, 32, 32], f"{part}_end": [1, channel + 1, 33, 33]}
        nodes.append(helper.make_node("Slice", ["images", f"{part}_begin", f"{part}_end"], [f"{part}_pixel"]))
        nodes.append(helper.make_node("Reshape", [f"{part}_pixel", "row"], [part]))
    nodes.append(helper.make_node("Concat", ["first", "last", "rest"], ["output0"], axis=2))
    held = [numpy_helper.from_array(np.array(value), name) for name, value in constants.items()]
    save_model(path, helper.make_graph(nodes, "pixel", [images], [answer], held))


@pytest.mark.parametrize(
    ("params", "red", "blue"),
    [
        ({"scale": 0.2}, 0.2, 0.2),
        ({"scale": 0.2, "mean": [10.0, 10.0, 20.0]}, (0.2, -10), (0.2, -20)),
        ({"scale": 0.2, "mean": [10.0], "std": [0.5, 1.0, 2.0]}, (0.4, -20), (0.1, -5)),
        ({"scale": "1/5", "mean": 10, "std": [0.5, 1.0, 2.0]}, (0.4, -20), (0.1, -5)),
        ({"scale": 0.2, "color": "bgr"}, "blue", "red"),
    ],
)
def test_colours_and_numbers_may_be_said(tmp_path: Path, params: dict[str, Any], red: Any, blue: Any) -> None:
    pixel_model(tmp_path / "m.onnx")
    layout = FrameFormat(64, 64, ColorRange.FULL)
    pixels = np.full(layout.frame_bytes, 128, dtype=np.uint8)
    pixels[: layout.y_bytes] = 120
    pixels[layout.y_bytes + layout.chroma_bytes :] = 178
    values = {"red": 120 + 1.402 * 50, "blue": 120.0}
    detector = opened(Detector, {"model": "m.onnx", "names": ["it"], **params}, [tmp_path])
    (only,) = detector.run([Frame(header_of(layout), pixels)], Outcome()).detections or ()

    def wanted(color: str, line: Any) -> float:
        if isinstance(line, str):
            return 0.2 * values[line]
        factor, offset = line if isinstance(line, tuple) else (line, 0)
        return factor * values[color] + offset

    assert only.box[0] * 64 == pytest.approx(wanted("red", red), abs=0.5)
    assert only.box[1] * 64 == pytest.approx(wanted("blue", blue), abs=0.5)


def test_a_model_of_gray_pictures_gets_luma(tmp_path: Path) -> None:
    pixel_model(tmp_path / "m.onnx", channels=1)
    layout = FrameFormat(64, 64, ColorRange.FULL)
    pixels = np.full(layout.frame_bytes, 200, dtype=np.uint8)
    pixels[: layout.y_bytes] = 100
    detector = opened(Detector, {"model": "m.onnx", "names": ["it"], "scale": 0.1}, [tmp_path])
    (only,) = detector.run([Frame(header_of(layout), pixels)], Outcome()).detections or ()
    assert only.box[:2] == pytest.approx((10 / 64, 10 / 64), abs=0.01)


def test_a_letterboxed_frame_may_lie_at_the_top(tmp_path: Path) -> None:
    end2end(tmp_path, [0, 0, 100, 50, 0.9, 0])
    assert found(tmp_path, resize="auto")[0].box == (0, 0, 1, 0.5)
    assert found(tmp_path, resize="auto", anchor="top_left")[0].box == (0, 0, 1, 1)


def test_classes_without_a_name_are_an_error_and_not_somebody_elses(tmp_path: Path) -> None:
    end2end(tmp_path, [0, 0, 9, 9, 0.9, 3])
    with pytest.raises(AlgorithmError, match="found class 3, and there are names for 3 classes"):
        found(tmp_path)
    assert labels(found(tmp_path, first_class=1)) == ["dog"]
    assert labels(found(tmp_path, names=None)) == ["motorcycle"]


def test_the_background_is_no_object(tmp_path: Path) -> None:
    end2end(tmp_path, [0, 0, 9, 9, 0.9, 0], [0, 0, 9, 9, 0.8, 1])
    assert labels(found(tmp_path, first_class=1)) == ["person"]


def ssd(folder: Path, offsets: NDArray[Any], scores: NDArray[Any]) -> None:
    outputs = {"scores": scores.astype(np.float32), "boxes": offsets.astype(np.float32)}
    export(folder / "m.onnx", outputs, input_shape=(1, 3, SIZE, SIZE))


def test_priors_of_ones_own(tmp_path: Path) -> None:
    maps = [{"cells": 2, "step": 50, "smallest": 20, "largest": 45, "ratios": [4]}]
    scores = np.full((1, 2 * 2 * 4, 4), [0.97, 0.01, 0.01, 0.01])
    scores[0, 4 * 1 + 2] = [0.05, 0.05, 0.9, 0.0]  # upper right cell, 40 wide and 10 high
    offsets = np.random.default_rng(1).normal(size=(1, 16, 4))
    offsets[0, 4 * 1 + 2] = [
        1,
        2,
        0,
        np.log(2) / 0.2,
    ]  # a tenth of its width, two of its height; twice as high
    ssd(tmp_path, offsets, scores)
    (only,) = found(tmp_path, priors=maps)
    assert only.label == "car"
    assert only.box == pytest.approx(((79 - 20) / 100, (27 - 10) / 100, (79 + 20) / 100, (27 + 10) / 100))


@pytest.mark.parametrize(
    ("params", "path", "message"),
    [
        ({"priors": "ssd512"}, "priors", "must be one of ssd300, ssd300-coco, ssd300-mobilenet"),
        ({"priors": "ssd300"}, "priors", "scores 1 x 8732 x"),
        ({"priors": [{"cells": 2}]}, "priors.0.step", "must be given"),
        ({"priors": "ssd300", "head": "yolox"}, "priors", "head yolox has no priors"),
        ({"score": {"persn": 0.3}}, "score", "did you mean 'person'"),
        ({"score": {"person": 3}}, "score", "must be a number from 0 to 1"),
        ({"score": "high"}, "score", "must be a number from 0 to 1"),
        ({"score": True}, "score", "must be a number from 0 to 1"),
        ({"min_size": [0.1, 0.2, 0.3]}, "min_size", "must be a number from 0 to 1"),
        ({"min_size": 0.5, "max_size": [1, 0.2]}, "params", "nothing would be left"),
        ({"min_aspect": 2, "max_aspect": 1}, "params", "nothing would be left"),
        ({"max_size": 2}, "max_size", "must be a number from 0 to 1"),
        ({"region": [0, 0, 640, 480]}, "region", "in fractions of the frame"),
        ({"region": [[0, 0], [1, 1]]}, "region", "at least 3 points"),
        ({"std": [0.0]}, "std", "must not be 0"),
        ({"head": "yolov8"}, "head", "head yolov8 wants an output of"),
        ({"head": "mine:head"}, "head", "no folder of functions"),
        ({"labels": []}, "labels", "an empty list is none at all: leave it out for all"),
        ({"labels": ["cat"]}, "labels", "the model knows no 'cat'"),
    ],
)
def test_params_that_cannot_be_are_told_with_their_path(
    tmp_path: Path, params: dict[str, Any], path: str, message: str
) -> None:
    end2end(tmp_path, [0, 0, 9, 9, 0.9, 0])
    with pytest.raises(ParamsInvalid) as raised:
        found(tmp_path, **params)
    assert raised.value.path == path
    assert message in str(raised.value)


def test_nan_in_any_output_is_an_error(tmp_path: Path) -> None:
    scores = np.full((1, 3000, 4), 0.25)
    boxes = np.zeros((1, 3000, 4))
    boxes[0, 7, 2] = np.nan
    ssd(tmp_path, boxes, scores)
    with pytest.raises(AlgorithmError, match=r"m\.onnx returned NaN or infinite numbers: .*float32"):
        found(tmp_path)


def test_numbers_that_are_huge_are_no_nan(tmp_path: Path) -> None:
    end2end(tmp_path, [-1e30, -1e30, 1e30, 1e30, 0.9, 0])
    assert found(tmp_path)[0].box == (0, 0, 1, 1)


def test_an_input_that_nobody_can_fill_is_told(tmp_path: Path) -> None:
    inputs = [
        helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 64, 64]),
        helper.make_tensor_value_info("scale_factor", TensorProto.FLOAT, [1, 2]),
    ]
    answer = helper.make_tensor_value_info("answer", TensorProto.FLOAT, [1, 3, 64, 64])
    nodes = [
        helper.make_node("ReduceMean", ["scale_factor"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["image", "mean"], ["answer"]),
    ]
    save_model(tmp_path / "m.onnx", helper.make_graph(nodes, "two", inputs, [answer]))
    with pytest.raises(ParamsInvalid, match="wants scale_factor 1x2 float32 beside its picture") as raised:
        found(tmp_path)
    assert raised.value.path == "model"
