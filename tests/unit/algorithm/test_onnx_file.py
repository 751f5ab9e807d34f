from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from edged.algorithm import AlgorithmError, Sessions
from edged.algorithm.onnx_file import NotOnnx, read_onnx
from tests.pictures import constant_model

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 3663138\n"


def model_of(folder: Path, *, external: bool = False) -> Path:
    """A model that adds weights to its input, which is of any batch."""
    weights = numpy_helper.from_array(np.ones((1, 3), dtype=np.float32), "weights")
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "weights"], ["y"])],
        "adding",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 3])],
        [weights],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8, producer_name="tests")
    model.producer_version = "1.2"
    path = folder / "model.onnx"
    onnx.save(model, str(path), save_as_external_data=external, location="model.data", size_threshold=0)
    return path


def test_it_reads_what_the_onnx_package_wrote(tmp_path: Path) -> None:
    read = read_onnx(model_of(tmp_path))
    assert read.ir_version == 8
    assert read.opsets == {"ai.onnx": 17, "ai.onnx.ml": 3}
    assert read.producer == "tests 1.2"
    assert read.open_inputs == ("x",)
    assert read.nodes == 1
    assert read.weight_files == read.missing == ()


def test_sizes_that_are_all_told_leave_nothing_open(tmp_path: Path) -> None:
    assert read_onnx(constant_model(tmp_path / "one.onnx", np.ones((1, 3)))).open_inputs == ()


def test_weights_beside_it_that_are_missing_are_named_when_it_does_not_load(tmp_path: Path) -> None:
    path = model_of(tmp_path, external=True)
    assert read_onnx(path).weight_files == (tmp_path / "model.data",)
    assert read_onnx(path).missing == ()
    (tmp_path / "model.data").unlink()
    assert read_onnx(path).missing == (tmp_path / "model.data",)
    with pytest.raises(AlgorithmError, match=r"its weights are in model\.data, which is not there"):
        Sessions([tmp_path]).get("model.onnx")


@pytest.mark.parametrize(
    ("content", "meaning"),
    [
        (b"", "it is empty"),
        (LFS, "git lfs pull"),
        (b"\n<!DOCTYPE html><html><body>Not found</body></html>", "a web page"),
        (b'{"error": "forbidden"}', "JSON"),
        (b"PK\x03\x04" + bytes(100), "PyTorch"),
        (b"\x1c\x00\x00\x00TFL3" + bytes(100), "tf2onnx"),
        (b"no model at all, but text", "no ONNX model, or broke off after 25 bytes"),
        (bytes(1000), "no ONNX model"),
    ],
)
def test_what_is_no_model_is_told_with_the_mend(tmp_path: Path, content: bytes, meaning: str) -> None:
    (tmp_path / "bad.onnx").write_bytes(content)
    with pytest.raises(NotOnnx, match=meaning):
        read_onnx(tmp_path / "bad.onnx")
    with pytest.raises(AlgorithmError, match=r"bad\.onnx cannot be loaded: .*" + meaning):
        Sessions([tmp_path]).get("bad.onnx")


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_whatever_a_file_holds_it_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("cut")
    whole = bytearray(model_of(folder).read_bytes())
    cut = data.draw(st.integers(1, len(whole)))
    for _ in range(data.draw(st.integers(0, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    (folder / "cut.onnx").write_bytes(whole[:cut])
    try:
        read = read_onnx(folder / "cut.onnx")
    except NotOnnx as error:
        assert "cut.onnx" in str(error)
    else:
        assert read.opsets


@pytest.mark.assets
def test_real_models_are_read_as_onnx_runtime_and_the_onnx_package_see_them(assets: Path) -> None:
    for path in sorted(assets.glob("*.onnx")):
        theirs = onnx.load(str(path), load_external_data=False)
        read = read_onnx(path)
        assert read.opsets == {one.domain or "ai.onnx": one.version for one in theirs.opset_import}
        assert read.nodes == len(theirs.graph.node)
        session = Sessions([assets]).get(path.name)
        assert bool(read.open_inputs) == any(None in tensor.shape for tensor in session.inputs)
