"""Raw outputs: what goes in is what the params say, what comes out is what the model gave."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from algos.onnx import Onnx, constant, described
from edged.algorithm import AlgorithmError, ParamsInvalid, Tensor
from edged.model.detection import Detection, Outcome
from tests.pictures import opened
from tests.small_models import FLOAT, color_frame, echo_model, fixed_model, model_of

EMPTY = Outcome()


def flat(blue: int, green: int, red: int, width: int = 64, height: int = 48) -> Any:
    return color_frame(np.full((height, width, 3), (blue, green, red), dtype=np.uint8))


def echoed(path: Path, shape: tuple[int | str, ...], frame: Any, **params: Any) -> Any:
    """What the model saw of a frame, ``(1, ...)``."""
    model = echo_model(path / "echo.onnx", shape)
    algorithm = opened(Onnx, {"model": model.name, "max_values": 10_000, **params}, [path])
    output = algorithm.run([frame], EMPTY).data["outputs"]["echo"]
    values = np.array(output["values"])
    assert output["shape"] == list(values.shape)
    return values


@pytest.mark.parametrize(
    ("params", "wanted"),
    [
        ({}, (200 / 255, 100 / 255, 50 / 255)),
        ({"color": "bgr"}, (50 / 255, 100 / 255, 200 / 255)),
        ({"normalize": "none"}, (200, 100, 50)),
        ({"normalize": "signed"}, (200 / 127.5 - 1, 100 / 127.5 - 1, 50 / 127.5 - 1)),
        (
            {"normalize": "imagenet"},
            ((200 / 255 - 0.485) / 0.229, (100 / 255 - 0.456) / 0.224, (50 / 255 - 0.406) / 0.225),
        ),
        ({"scale": "1/128", "mean": 1}, (200 / 128 - 1, 100 / 128 - 1, 50 / 128 - 1)),
        ({"mean": [10, 20, 30], "std": [1, 2, 4]}, (190, 40, 5)),
    ],
)
def test_numbers_go_in_as_the_params_say(tmp_path: Path, params: Any, wanted: Any) -> None:
    first = echoed(tmp_path, (1, 3, 8, 8), flat(50, 100, 200), **params)
    assert first[0].mean(axis=(1, 2)) == pytest.approx(wanted, rel=0.03, abs=0.03)
    last = echoed(tmp_path, (1, 8, 8, 3), flat(50, 100, 200), **params)
    assert last[0].mean(axis=(0, 1)) == pytest.approx(wanted, rel=0.03, abs=0.03)


def halves() -> Any:
    """Black on the left, white on the right, 96 x 48."""
    picture = np.zeros((48, 96, 3), dtype=np.uint8)
    picture[:, 48:] = 255
    return color_frame(picture)


def test_shape_region_and_letterbox(tmp_path: Path) -> None:
    def columns(**params: Any) -> Any:
        return echoed(tmp_path, (1, 1, 8, 8), halves(), normalize="none", **params)[0, 0]

    assert (columns(resize="stretch")[:, 0] < 5).all()
    assert (columns(region=[0.5, 0, 1, 1]) > 250).all()
    boxed = columns(resize="letterbox", pad=7)
    assert (boxed[[0, 1, 6, 7]] == 7).all()
    assert (boxed[2:6, 6:] > 250).all()
    assert (columns(resize="letterbox", anchor="top_left", pad=7)[4:] == 7).all()
    cropped = columns(resize="crop")
    assert cropped[:, 0].max() < 5
    assert cropped[:, -1].min() > 250


def test_what_came_before_stays(tmp_path: Path) -> None:
    fixed_model(tmp_path / "m.onnx", {"a": np.ones((1, 2))}, (1, 3, 8, 8))
    before = Outcome((Detection((0, 0, 1, 1), 0.5),), {"motion": 1}, {"zones": {"z": 1}})
    outcome = opened(Onnx, {"model": "m.onnx"}, [tmp_path]).run([flat(0, 0, 0)], before)
    assert (outcome.detections, outcome.counts) == (before.detections, before.counts)
    assert outcome.data == {"motion": 1, "outputs": {"a": {"shape": [1, 2], "values": [[1.0, 1.0]]}}}


def test_large_outputs_are_summed_up_and_some_left_out(tmp_path: Path) -> None:
    scores = np.zeros((1, 1000), dtype=np.float32)
    scores[0, 283] = 0.9
    fixed_model(tmp_path / "m.onnx", {"scores": scores, "other": np.ones((1, 1))}, (1, 3, 8, 8))
    algorithm = opened(Onnx, {"model": "m.onnx", "outputs": ["scores"]}, [tmp_path])
    assert algorithm.run([flat(0, 0, 0)], EMPTY).data["outputs"] == {
        "scores": {"shape": [1, 1000], "min": 0.0, "max": 0.9, "mean": 0.0009, "argmax": [0, 283]}
    }


def test_other_inputs_are_constants(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Cast", ["size"], ["sizes"], to=FLOAT),
        helper.make_node("ReduceMean", ["images"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
        helper.make_node("Add", ["sizes", "nothing"], ["scaled"]),
        helper.make_node("Mul", ["scaled", "factor"], ["out"]),
    ]
    inputs = {
        "size": (TensorProto.INT64, (1, 2)),
        "images": (FLOAT, (1, 3, 8, 8)),
        "factor": (FLOAT, ("n",)),
    }
    zero = {"zero": np.float32(0)}
    model_of(tmp_path / "m.onnx", nodes, inputs, {"out": (FLOAT, (1, 2))}, zero)
    params: dict[str, Any] = {"model": "m.onnx", "inputs": {"size": [[640, 480]], "factor": 0.5}}
    outputs = opened(Onnx, params, [tmp_path]).run([flat(0, 0, 0)], EMPTY).data["outputs"]
    assert outputs["out"]["values"] == [[320.0, 240.0]]
    for given, message in (
        ({}, r"size 1x2 int64, factor \? float32; give each a constant, as `inputs: \{size: 1\}`"),
        ({"sizes": 1}, "has no input 'sizes': did you mean 'size'"),
        ({"images": 1}, "images is the picture"),
        ({"size": [640, 480], "factor": 1}, "2 values are given for size 1x2 int64"),
        ({"size": "large", "factor": 1}, "takes numbers or lists"),
    ):
        with pytest.raises(ParamsInvalid, match=message) as raised:
            opened(Onnx, {"model": "m.onnx", "inputs": given}, [tmp_path])
        assert raised.value.path.startswith("inputs")


def test_models_that_cannot_be_say_why(tmp_path: Path) -> None:
    nodes = [helper.make_node("Identity", ["x"], ["y"])]
    vector = {"x": (FLOAT, (1, 10))}
    model_of(tmp_path / "vector.onnx", nodes, vector, {"y": (FLOAT, (1, 10))})
    with pytest.raises(AlgorithmError, match="takes no picture"):
        opened(Onnx, {"model": "vector.onnx"}, [tmp_path])
    echo_model(tmp_path / "four.onnx", (4, 3, 8, 8))
    with pytest.raises(AlgorithmError, match="batch is fixed at 4"):
        opened(Onnx, {"model": "four.onnx"}, [tmp_path])
    echo_model(tmp_path / "one.onnx", (1, 3, 8, 8))
    with pytest.raises(ParamsInvalid, match="no output 'scores'; there are echo"):
        opened(Onnx, {"model": "one.onnx", "outputs": ["scores"]}, [tmp_path])
    with pytest.raises(ParamsInvalid, match="2 numbers; the picture has 3 channels"):
        opened(Onnx, {"model": "one.onnx", "mean": [1, 2]}, [tmp_path])
    for params in ({"std": 0}, {"scale": "1/0"}, {"region": [0.5, 0, 0.5, 1]}, {"max_values": 10**6}):
        with pytest.raises(ParamsInvalid):
            opened(Onnx, {"model": "one.onnx", **params}, [tmp_path])


def test_nan_is_null_and_counted() -> None:
    odd = np.array([1.0, np.nan, -np.inf, 3.0], dtype=np.float32)
    assert described(odd, 4) == {"shape": [4], "values": [1.0, None, None, 3.0]}
    assert described(odd, 3) == {
        "shape": [4], "not_finite": 2, "min": 1.0, "max": 3.0, "mean": 2.0, "argmax": [3],
    }  # fmt: skip
    assert described(np.full(3, np.nan), 2) == {"shape": [3], "not_finite": 3}


def test_outputs_of_other_kinds() -> None:
    assert described(np.array([["a", "b"]], dtype=object), 9) == {"shape": [1, 2], "values": [["a", "b"]]}
    assert described(np.array(["a", "b"], dtype=object), 1) == {"shape": [2]}
    assert described(np.array([True, False]), 9) == {"shape": [2], "values": [True, False]}
    assert described(np.array([7, 9]), 1)["argmax"] == [1]
    assert described([{0: np.float32(0.5), 1: np.float32(0.25)}], 9) == {"values": [{"0": 0.5, "1": 0.25}]}
    assert described(np.zeros((0, 6), dtype=np.float32), 9) == {"shape": [0, 6], "values": []}
    with pytest.raises(AlgorithmError, match="max_values"):
        described([list(range(100))], 10)
    assert json.dumps(described(np.float32([0.1, 1e-20]), 9)["values"]) == "[0.1, 1e-20]"


def test_one_number_fills_an_input() -> None:
    filled = constant(0.5, Tensor("x", (None, 3), np.dtype("float32")))
    assert (filled.shape, filled.dtype, set(filled.ravel().tolist())) == ((1, 3), np.float32, {0.5})
