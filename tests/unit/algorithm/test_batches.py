"""Many items through models of any batch: as few runs as it allows, one row each, in order."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from edged.algorithm import AlgorithmError, Session, Sessions
from edged.algorithm.batches import run_batches, runs_for
from tests.pictures import constant_model, save_model


def double_model(folder: Path, batch: int | str) -> Session:
    """Twice what it is given."""
    shape = [batch, 1, 1, 1]
    graph = helper.make_graph(
        [helper.make_node("Mul", ["images", "two"], ["output0"])],
        "double",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(np.float32(2), "two")],
    )
    save_model(folder / "m.onnx", graph)
    return Sessions([folder]).get("m.onnx")


@pytest.mark.parametrize("batch", [None, 1, 2, 5])
@pytest.mark.parametrize("count", [0, 1, 5, 70])
def test_each_item_has_its_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: int | None, count: int
) -> None:
    fed: list[int] = []
    ran: list[int] = []
    session = double_model(tmp_path, batch or "n")
    run = session.run
    monkeypatch.setattr(session, "run", lambda rows: (ran.append(len(rows)), run(rows))[1])

    def feed(some: Sequence[int]) -> NDArray[Any]:
        fed.append(len(some))
        return np.array(some, dtype=np.float32).reshape(-1, 1, 1, 1)

    (output,) = run_batches(session, batch, range(count), feed)
    assert output.reshape(-1).tolist() == [2 * item for item in range(count)]
    assert max(fed, default=0) <= 32
    assert len(ran) == runs_for(batch, count)


def test_a_model_that_answers_once_for_all_is_told(tmp_path: Path) -> None:
    constant_model(tmp_path / "m.onnx", np.zeros((1, 3)), input_shape=("n", 3, 8, 8))
    session = Sessions([tmp_path]).get("m.onnx")
    with pytest.raises(AlgorithmError, match="output0 is 1x3 for a batch of 2: export it"):
        run_batches(session, None, [0, 1], lambda some: np.zeros((len(some), 3, 8, 8), np.float32))
