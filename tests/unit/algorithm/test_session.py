from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edged.algorithm.session as session_module
from edged.algorithm import AlgorithmError, Sessions
from edged.algorithm.runtime import default_threads
from tests.pictures import constant_model

PATIENCE_S = 20
BLANK = np.zeros((1, 3, 64, 64), dtype=np.float32)


@pytest.fixture
def models(tmp_path: Path) -> Path:
    constant_model(tmp_path / "one.onnx", np.ones((1, 3)), metadata={"names": "['a']"})
    constant_model(tmp_path / "open.onnx", np.ones((1, 3)), input_shape=("batch", 3, "height", "width"))
    return tmp_path


def test_a_session_tells_what_the_model_declares(models: Path) -> None:
    session = Sessions([models]).get("one.onnx")
    assert [str(tensor) for tensor in session.inputs] == ["images 1x3x64x64 float32"]
    assert [(tensor.name, tensor.shape) for tensor in session.outputs] == [("output0", (1, 3))]
    assert session.metadata["names"] == "['a']"
    assert session.provider == "CPUExecutionProvider"


def test_open_dimensions_are_none_and_take_any_size(models: Path) -> None:
    session = Sessions([models]).get("open.onnx")
    assert session.inputs[0].shape == (None, 3, None, None)
    assert session.run(np.zeros((1, 3, 32, 32), dtype=np.float32))[0].tolist() == [[1, 1, 1]]


def test_it_runs_on_one_array_or_on_arrays_by_name(models: Path) -> None:
    session = Sessions([models]).get("one.onnx")
    assert session.run(BLANK)[0].tolist() == session.run({"images": BLANK})[0].tolist() == [[1, 1, 1]]


@pytest.mark.parametrize(
    "feeds",
    [
        np.zeros((1, 3, 32, 32), dtype=np.float32),
        np.zeros((1, 3, 64, 64), dtype=np.float64),
        np.zeros((3, 64, 64), dtype=np.float32),
        {"pictures": np.zeros((1, 3, 64, 64), dtype=np.float32)},
        {},
    ],
)
def test_wrong_feeds_say_what_is_wanted(models: Path, feeds: Any) -> None:
    with pytest.raises(AlgorithmError, match=r"one\.onnx: .*images 1x3x64x64 float32"):
        Sessions([models]).get("one.onnx").run(feeds)


def test_however_many_ask_there_is_one_session(models: Path) -> None:
    sessions = Sessions([models])
    (models / "link.onnx").symlink_to("one.onnx")
    names = ["one.onnx", str(models / "one.onnx"), "link.onnx"] * 8
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(sessions.get, names))
    assert len({id(session) for session in got}) == 1
    assert sessions.loaded == 1


def test_other_options_are_another_session(models: Path) -> None:
    sessions = Sessions([models])
    plain, explicit = sessions.get("one.onnx"), sessions.get("one.onnx", provider="cpu", threads=2)
    assert plain is not explicit
    assert plain is sessions.get("one.onnx", threads=default_threads())
    assert sessions.loaded == 2


def test_a_session_nobody_uses_is_let_go(models: Path) -> None:
    sessions = Sessions([models])
    session = sessions.get("one.onnx")
    assert sessions.loaded == 1
    del session
    gc.collect()
    assert sessions.loaded == 0
    assert sessions.get("one.onnx").run(BLANK)[0].tolist() == [[1, 1, 1]]


def test_a_model_that_was_replaced_is_loaded_anew(models: Path) -> None:
    sessions = Sessions([models])
    old = sessions.get("one.onnx")
    constant_model(models / "new.onnx", np.full((1, 3), 2))
    (models / "new.onnx").replace(models / "one.onnx")
    assert sessions.get("one.onnx").run(BLANK)[0].tolist() == [[2, 2, 2]]
    assert old.run(BLANK)[0].tolist() == [[1, 1, 1]]


def test_loading_one_model_does_not_block_getting_another(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions = Sessions([models])
    ready = sessions.get("open.onnx")
    loading, go_on = threading.Event(), threading.Event()
    load = session_module.create_runtime

    def slow_load(path: Path, *options: Any, **more: Any) -> Any:
        loading.set()
        assert go_on.wait(PATIENCE_S)
        return load(path, *options, **more)

    monkeypatch.setattr(session_module, "create_runtime", slow_load)
    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(sessions.get, "one.onnx")
        assert loading.wait(PATIENCE_S)
        try:
            assert pool.submit(sessions.get, "open.onnx").result(PATIENCE_S) is ready
            assert not slow.done()
        finally:
            go_on.set()
        assert slow.result(PATIENCE_S).path.name == "one.onnx"


def test_a_missing_model_names_the_folder_and_the_nearest(models: Path) -> None:
    with pytest.raises(AlgorithmError) as raised:
        Sessions([models]).get("ome.onnx")
    assert raised.value.code == "model_not_found"
    assert str(models) in str(raised.value)
    assert "did you mean 'one.onnx'?" in str(raised.value)


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        ("zebra", "model_not_found", "there are one.onnx, open.onnx"),
        ("/nowhere/x.onnx", "model_not_found", "no file /nowhere/x.onnx"),
        ("", "model_not_found", "no model is named"),
        ("../one.onnx", "not_allowed", "leads out"),
        ("sub/../../one.onnx", "not_allowed", "leads out"),
    ],
)
def test_names_that_lead_nowhere(models: Path, name: str, code: str, message: str) -> None:
    with pytest.raises(AlgorithmError) as raised:
        Sessions([models]).get(name)
    assert raised.value.code == code
    assert message in str(raised.value)


def test_without_folders_the_settings_key_is_named() -> None:
    with pytest.raises(AlgorithmError, match="`models:`"):
        Sessions([]).get("one.onnx")


@pytest.mark.parametrize("content", [b"", b"no model at all", b"\x08\x09" * 400])
def test_a_broken_model_is_a_clear_error_each_time(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.onnx").write_bytes(content)
    sessions = Sessions([tmp_path])
    for _ in range(2):
        with pytest.raises(AlgorithmError, match=r"bad\.onnx cannot be loaded: ") as raised:
            sessions.get("bad.onnx")
        assert raised.value.code == "algorithm_failed"
    assert sessions.loaded == 0


def test_a_truncated_model_is_a_clear_error(models: Path) -> None:
    whole = (models / "one.onnx").read_bytes()
    (models / "cut.onnx").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(AlgorithmError, match=r"cut\.onnx cannot be loaded"):
        Sessions([models]).get("cut.onnx")


def test_a_provider_that_is_not_here_is_an_error_not_a_fall_back(models: Path) -> None:
    with pytest.raises(AlgorithmError, match="migraphx is not in this onnxruntime, which has"):
        Sessions([models]).get("one.onnx", provider="migraphx")
    with pytest.raises(AlgorithmError, match="'gpu' is not one of auto, cpu"):
        Sessions([models]).get("one.onnx", provider="gpu")


def test_onnx_runtime_keeps_no_telemetry(models: Path, tmp_path: Path) -> None:
    """Left alone, 1.31 writes a telemetry database to the home folder."""
    home = tmp_path / "home"
    home.mkdir()
    program = (
        "import sys, edged.algorithm, onnxruntime\n"  # as a user's own algorithm might import it
        "edged.algorithm.Sessions([__import__('pathlib').Path(sys.argv[1])]).get('one.onnx')\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    environment = {**environment, "HOME": str(home), "XDG_CACHE_HOME": str(home / "cache")}
    subprocess.run([sys.executable, "-c", program, str(models)], env=environment, check=True, timeout=60)
    assert list(home.rglob("*")) == []
