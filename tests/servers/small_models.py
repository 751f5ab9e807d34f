"""ONNX models of a few hundred bytes, each another file, that say which they are."""

from __future__ import annotations

from onnx import TensorProto, helper


def model_that_says(number: float, padding: int = 0) -> bytes:
    """One number in, that plus ``number`` out; ``padding`` bytes make the file larger."""
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "n"], ["y"])],
        "says",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])],
        [helper.make_tensor("n", TensorProto.FLOAT, [1], [number])],
        doc_string="." * padding,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return bytes(model.SerializeToString())
