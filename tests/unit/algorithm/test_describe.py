"""What can be told of a model by looking at it once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto

from edged.algorithm import AlgorithmError, ParamsInvalid, Sessions
from edged.algorithm.heads import HEADS, Description, describe
from tests.exports import export
from tests.pictures import constant_model


def described(folder: Path, input_size: tuple[int, int] | None = None) -> Description:
    return describe(Sessions([folder]).get("m.onnx"), input_size)


def test_names_in_the_model_decide_between_two_heads(tmp_path: Path) -> None:
    output = np.zeros((1, 84, 7), dtype=np.float32)
    constant_model(tmp_path / "m.onnx", output)
    assert [(each.head.name, each.classes) for each in described(tmp_path).fitting] == [
        ("yolox", 2),
        ("yolov8", 3),
    ]
    constant_model(tmp_path / "m.onnx", output, metadata={"names": "['a', 'b', 'c']"})
    assert described(tmp_path).fitting[0].head.name == "yolov8"


def test_a_model_that_leaves_its_size_open_is_looked_at_with_the_size_given(tmp_path: Path) -> None:
    output = np.zeros((1, 7, 84), dtype=np.float32)
    constant_model(tmp_path / "m.onnx", output, input_shape=("n", 3, "h", "w"))
    known = described(tmp_path, (64, 64))
    assert (known.fitting[0].head.name, known.image.width) == ("yolov8", 64)
    unknown = described(tmp_path)
    assert unknown.fitting == ()
    assert "output0 1x7x84 (input 640x640)" in unknown.reason
    assert all(name in unknown.reason for name in HEADS)
    constant_model(tmp_path / "m.onnx", output)
    with pytest.raises(ParamsInvalid, match="takes 64x64 only"):
        described(tmp_path, (96, 96))


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((2, 3, 64, 64), "its batch is fixed at 2"),
        ((1, 100), "takes no picture"),
        ((1, 5, 64, 64), "takes no picture"),
    ],
)
def test_what_takes_no_single_picture_is_told(tmp_path: Path, shape: tuple[int, ...], message: str) -> None:
    constant_model(tmp_path / "m.onnx", np.zeros((1, 7, 84)), input_shape=shape)
    with pytest.raises(AlgorithmError, match=message):
        described(tmp_path)


def test_outputs_of_half_precision_are_read_and_nan_is_told(tmp_path: Path) -> None:
    output = np.zeros((1, 7, 84), dtype=np.float16)
    export(
        tmp_path / "m.onnx", {"output0": output}, input_shape=(1, 3, 64, 64), input_type=TensorProto.FLOAT16
    )
    assert described(tmp_path).signature.outputs.arrays[0].dtype == np.float32
    output[0, 3, 3] = np.nan
    export(
        tmp_path / "n.onnx", {"output0": output}, input_shape=(1, 3, 64, 64), input_type=TensorProto.FLOAT16
    )
    with pytest.raises(AlgorithmError, match=r"n\.onnx returned NaN"):
        describe(Sessions([tmp_path]).get("n.onnx"))
