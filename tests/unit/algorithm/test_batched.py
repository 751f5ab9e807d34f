from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from edged.algorithm import Sessions
from edged.algorithm.batched import BATCH, run_together, try_batches
from tests.pictures import constant_model, save_model

FEED = np.arange(12, dtype=np.float32).reshape(1, 3, 2, 2)


def model(path: Path, *, across: bool = False) -> Path:
    """Any number of pictures in, each times 2 out; or, ``across``, less the mean of all."""
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["images", "two"], ["twice"]),
        helper.make_node("Sub", ["twice", "mean"] if across else ["twice", "zero"], ["answer"]),
    ]
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 3, 2, 2])
    answer = helper.make_tensor_value_info("answer", TensorProto.FLOAT, ["n", 3, 2, 2])
    numbers = [numpy_helper.from_array(np.float32(n), name) for n, name in ((2, "two"), (0, "zero"))]
    return save_model(path, helper.make_graph(nodes, "m", [images], [answer], numbers))


def test_each_gets_what_it_would_get_alone(tmp_path: Path) -> None:
    session = Sessions([model(tmp_path / "m.onnx").parent]).get("m.onnx")
    feeds = [FEED, FEED + 1, FEED * 3]
    together = run_together(session, feeds)
    assert len(together) == 3
    for feed, (answer,) in zip(feeds, together, strict=True):
        assert np.array_equal(answer, session.run(feed)[0])


def test_it_is_measured_once_and_the_log_says_what_came_of_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    session = Sessions([model(tmp_path / "m.onnx").parent]).get("m.onnx")
    try_batches(session, FEED)
    try_batches(session, FEED)
    assert session.batch in (1, BATCH)
    (said,) = [record.message for record in caplog.records if "pictures at once" in record.message]
    assert "times as fast" in said
    assert ("do not share" in said) is (session.batch == 1)


@pytest.mark.parametrize(
    ("kind", "why"),
    [("fixed", "one picture at a time"), ("across", "not one for each"), ("constant", "two at once fail")],
)
def test_a_model_that_cannot_is_told_apart(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str, why: str
) -> None:
    caplog.set_level(logging.INFO)
    path = tmp_path / "m.onnx"
    if kind == "across":
        model(path, across=True)
    else:
        shape = (1, 3, 2, 2) if kind == "fixed" else ("n", 3, 2, 2)
        constant_model(path, np.ones((1, 4)), input_shape=shape)
    session = Sessions([tmp_path]).get("m.onnx")
    try_batches(session, FEED)
    assert session.batch == 1
    assert why in caplog.text
