from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from edged.algorithm import AlgorithmError, Sessions
from edged.algorithm import runtime as runtime_module
from edged.algorithm.engines import is_built
from edged.algorithm.runtime import Provider, create_runtime, look_for_accelerators
from edged.model.providers import Candidate, Choice, Machine
from tests.pictures import constant_model

GPU_BUILD = ("CUDAExecutionProvider", "CPUExecutionProvider")
"""What onnxruntime-gpu offers, also where CUDA's libraries are missing."""


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return constant_model(tmp_path / "one.onnx", np.ones((1, 3)))


@pytest.fixture
def a_gpu_without_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real onnxruntime is asked for CUDA, and falls back by itself."""
    monkeypatch.setattr(runtime_module, "available_providers", lambda: GPU_BUILD)
    monkeypatch.setattr(runtime_module, "look_for_accelerators", lambda: Machine(nvidia=True))


def builds(monkeypatch: pytest.MonkeyPatch) -> None:
    """The CPU as if it built engines; the session is the real one."""
    candidate = Candidate(Provider.CPU, "CPU", builds=True)
    monkeypatch.setattr(runtime_module, "choose", lambda *_, **__: Choice((candidate,)))


@pytest.mark.filterwarnings("ignore::UserWarning")  # onnxruntime's own, beside its falling back
@pytest.mark.usefixtures("a_gpu_without_libraries")
def test_auto_says_that_onnx_runtime_fell_back(model: Path, caplog: pytest.LogCaptureFixture) -> None:
    loaded = create_runtime(model, Provider.AUTO, 1)
    assert loaded.label == "CPU"
    (warning,) = (record.getMessage() for record in caplog.records if record.levelno == logging.WARNING)
    assert "one.onnx does not run on CUDA, trying the next: onnxruntime fell back to CPU" in warning


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.usefixtures("a_gpu_without_libraries")
def test_a_provider_that_was_named_never_becomes_another(model: Path) -> None:
    with pytest.raises(AlgorithmError, match="CUDA: onnxruntime fell back to CPUExecutionProvider"):
        create_runtime(model, Provider.CUDA, 1)


def test_what_runs_a_model_is_said_once(model: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    sessions = Sessions([model.parent])
    kept = [sessions.get("one.onnx", threads=1) for _ in range(3)]
    assert kept[0].label == "CPU"
    said = [record.getMessage() for record in caplog.records if "loaded" in record.getMessage()]
    assert len(said) == 1
    assert "one.onnx on CPU (threads: 1)" in said[0]


def test_who_watches_is_told_while_an_engine_is_built(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    builds(monkeypatch)
    told: list[str] = []

    @contextmanager
    def on_build(what: str) -> Iterator[None]:
        told.append(f"begin {what}")
        yield
        told.append("end")

    for cache in (None, tmp_path / "engines"):
        told.clear()
        create_runtime(model, Provider.AUTO, 1, cache=cache, on_build=on_build)
        assert told[-1] == "end"
        assert "one.onnx" in told[0]


def test_an_engine_that_is_there_takes_no_build(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    builds(monkeypatch)
    cache = tmp_path / "engines"
    create_runtime(model, Provider.AUTO, 1, cache=cache)
    (place,) = cache.glob("*/cpu-one-*")
    assert not is_built(place)
    (place / "engine").touch()

    def on_build(what: str) -> None:
        raise AssertionError(f"{what} is built again")

    create_runtime(model, Provider.AUTO, 1, cache=cache, on_build=on_build)  # type: ignore[arg-type]


def test_a_cache_that_cannot_be_written_costs_the_cache_only(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    builds(monkeypatch)
    (tmp_path / "engines").write_text("a file, and no folder")
    assert create_runtime(model, Provider.AUTO, 1, cache=tmp_path / "engines").label == "CPU"
    assert "is not kept" in caplog.text


def test_accelerators_are_told_by_their_device_files(tmp_path: Path) -> None:
    assert look_for_accelerators(tmp_path) == Machine()
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/nvidia0").touch()
    vendor = tmp_path / "sys/class/drm/renderD128/device/vendor"
    vendor.parent.mkdir(parents=True)
    vendor.write_text("0x8086\n")
    assert look_for_accelerators(tmp_path) == Machine(nvidia=True, intel_gpu=True)
    vendor.write_text("0x1002\n")
    assert not look_for_accelerators(tmp_path).intel_gpu
