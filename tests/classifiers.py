"""Small classifiers, made for tests: what they say of a picture is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from tests.pictures import save_model


def mean_model(path: Path, batch: int | str, classes: int = 3, color: int = 3) -> Path:
    """Logits that grow with the picture's brightness: class n gets n times the mean of each."""
    weights = np.arange(classes, dtype=np.float32).reshape(1, classes)
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["mean"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Unsqueeze", ["mean", "one"], ["column"]),
        helper.make_node("MatMul", ["column", "weights"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        "mean",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [batch, color, 32, 32])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [batch, classes])],
        [
            numpy_helper.from_array(weights, "weights"),
            numpy_helper.from_array(np.array([1], dtype=np.int64), "one"),
        ],
    )
    return save_model(path, graph)


def brightness_model(path: Path) -> None:
    """One number between 0 and 1, the mean of the picture: the second of two classes."""
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["images"], ["mean"], axes=[1, 2, 3], keepdims=0),
            helper.make_node("Unsqueeze", ["mean", "one"], ["bright"]),
        ],
        "bright",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 3, 32, 32])],
        [helper.make_tensor_value_info("bright", TensorProto.FLOAT, ["n", 1])],
        [numpy_helper.from_array(np.array([1], dtype=np.int64), "one")],
    )
    save_model(path, graph)


def whole_numbers_model(path: Path, kind: int) -> None:
    """255 of ``kind`` for the first class, 0 for the second."""
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["images"], ["mean"], axes=[1, 2, 3], keepdims=0),
            helper.make_node("Unsqueeze", ["mean", "one"], ["column"]),
            helper.make_node("Mul", ["column", "nothing"], ["zeros"]),
            helper.make_node("Add", ["zeros", "answer"], ["floats"]),
            helper.make_node("Cast", ["floats"], ["classes"], to=kind),
        ],
        "whole",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 3, 32, 32])],
        [helper.make_tensor_value_info("classes", kind, ["n", 2])],
        [
            numpy_helper.from_array(np.array([1], dtype=np.int64), "one"),
            numpy_helper.from_array(np.zeros((1, 1), dtype=np.float32), "nothing"),
            numpy_helper.from_array(np.array([[255, 0]], dtype=np.float32), "answer"),
        ],
    )
    save_model(path, graph, {"names": "{0: 'cat', 1: 'dog'}"})
