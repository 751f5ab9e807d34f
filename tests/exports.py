"""ONNX models with as many inputs and outputs as an export of a detector has, whose answers are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

from tests.pictures import save_model

SIZES = "orig_target_sizes"


def export(
    path: Path,
    outputs: Mapping[str, NDArray[Any]],
    *,
    input_shape: Sequence[int | str],
    input_type: int = TensorProto.FLOAT,
    scaled: str = "",
    metadata: dict[str, str] | None = None,
) -> Path:
    """A model that takes a picture and returns ``outputs`` plus nothing of the picture, in their order.

    ``scaled`` names an output ``(1, n, 4)`` that is multiplied by a second input, `SIZES`: width and height.
    """
    inputs = [helper.make_tensor_value_info("images", input_type, list(input_shape))]
    nodes = [
        helper.make_node("Cast", ["images"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["floats"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
    ]
    constants = [numpy_helper.from_array(np.float32(0), "zero")]
    declared = []
    if scaled:
        inputs.append(helper.make_tensor_value_info(SIZES, TensorProto.INT64, [1, 2]))
        nodes.append(helper.make_node("Cast", [SIZES], ["size"], to=TensorProto.FLOAT))
        nodes.append(helper.make_node("Concat", ["size", "size"], ["corners"], axis=1))
    for name, array in outputs.items():
        constants.append(numpy_helper.from_array(array, f"{name}_answer"))
        kind = helper.np_dtype_to_tensor_dtype(array.dtype)
        declared.append(helper.make_tensor_value_info(name, kind, list(array.shape)))
        nodes += _answer(name, array, scaled=name == scaled)
    graph = helper.make_graph(nodes, "export", inputs, declared, constants)
    return save_model(path, graph, metadata)


def _answer(name: str, array: NDArray[Any], *, scaled: bool) -> list[NodeProto]:
    if array.dtype != np.float32:
        return [helper.make_node("Identity", [f"{name}_answer"], [name])]
    if scaled:
        return [
            helper.make_node("Mul", [f"{name}_answer", "corners"], [f"{name}_scaled"]),
            helper.make_node("Add", [f"{name}_scaled", "nothing"], [name]),
        ]
    return [helper.make_node("Add", [f"{name}_answer", "nothing"], [name])]
