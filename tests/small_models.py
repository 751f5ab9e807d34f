"""ONNX models of a few nodes whose answers are known, and frames of known colours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from edged.algorithm import Frame
from edged.model.frame import FrameFormat
from tests.pictures import header_of, read_only, save_model

Shape = Sequence[int | str]
FLOAT = TensorProto.FLOAT


def color_frame(picture: NDArray[np.uint8], index: int = 0, pts_us: int | None = None) -> Frame:
    """A frame that shows a BGR picture of even sides."""
    planes = cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420)
    layout = FrameFormat(picture.shape[1], picture.shape[0])
    return Frame(header_of(layout, index, pts_us), read_only(np.asarray(planes, dtype=np.uint8)))


def model_of(
    path: Path,
    nodes: Sequence[onnx.NodeProto],
    inputs: Mapping[str, tuple[int, Shape]],
    outputs: Mapping[str, tuple[int, Shape]],
    constants: Mapping[str, NDArray[Any]] | None = None,
    metadata: dict[str, str] | None = None,
) -> Path:
    """A model of these nodes; inputs and outputs by name, as (type, shape)."""

    def values(named: Mapping[str, tuple[int, Shape]]) -> list[onnx.ValueInfoProto]:
        return [
            helper.make_tensor_value_info(name, kind, list(shape)) for name, (kind, shape) in named.items()
        ]

    weights = [numpy_helper.from_array(array, name) for name, array in (constants or {}).items()]
    graph = helper.make_graph(list(nodes), "small", values(inputs), values(outputs), weights)
    return save_model(path, graph, metadata)


def echo_model(path: Path, shape: Shape, kind: int = FLOAT) -> Path:
    """Gives back what it is given."""
    nodes = [helper.make_node("Identity", ["images"], ["echo"])]
    return model_of(path, nodes, {"images": (kind, shape)}, {"echo": (kind, shape)})


def fixed_model(
    path: Path, answers: Mapping[str, NDArray[Any]], shape: Shape, kind: int = FLOAT, batched: bool = False
) -> Path:
    """Answers the same to every picture; ``batched``: as often as there are pictures in the batch."""
    nodes = [
        helper.make_node("Cast", ["images"], ["floats"], to=FLOAT),
        helper.make_node("ReduceMean", ["floats"], ["mean"], axes=[1, 2, 3], keepdims=1),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
    ]
    constants: dict[str, NDArray[Any]] = {"zero": np.float32(0)}
    outputs: dict[str, tuple[int, Shape]] = {}
    for name, answer in answers.items():
        constants[f"{name}_is"] = answer.astype(np.float32)
        constants[f"{name}_rank"] = np.array([-1] + [1] * (answer.ndim - 1), dtype=np.int64)
        nodes += [
            helper.make_node("Reshape", ["nothing", f"{name}_rank"], [f"{name}_nothing"]),
            helper.make_node("Add", [f"{name}_is", f"{name}_nothing"], [name]),
        ]
        outputs[name] = (FLOAT, ["n" if batched else answer.shape[0], *answer.shape[1:]])
    return model_of(path, nodes, {"images": (kind, shape)}, outputs, constants)


def color_classes_model(path: Path, size: int = 64, channels_last: bool = False) -> Path:
    """Segments a picture (RGB, 0-1) into the classes dark 0, red 1, green 2, blue 3."""
    weights = np.zeros((4, 3, 1, 1), dtype=np.float32)
    for number in range(3):
        weights[number + 1, number] = 1
    bias = np.array([0.5, 0, 0, 0], dtype=np.float32)
    nodes = [helper.make_node("Conv", ["planes", "weights", "bias"], ["scores"])]
    inputs: Shape = (1, 3, size, size)
    outputs: Shape = (1, 4, size, size)
    if channels_last:
        inputs, outputs = (1, size, size, 3), (1, size, size, 4)
        nodes.insert(0, helper.make_node("Transpose", ["images"], ["planes"], perm=[0, 3, 1, 2]))
        nodes.append(helper.make_node("Transpose", ["scores"], ["out"], perm=[0, 2, 3, 1]))
    else:
        nodes.insert(0, helper.make_node("Identity", ["images"], ["planes"]))
        nodes.append(helper.make_node("Identity", ["scores"], ["out"]))
    constants: dict[str, NDArray[Any]] = {"weights": weights, "bias": bias}
    return model_of(path, nodes, {"images": (FLOAT, inputs)}, {"out": (FLOAT, outputs)}, constants)
