"""ONNX Runtime: loading a model on the best execution provider that is here, set up for a small machine.

onnxruntime is imported at first use only: listing algorithms and motion detection need none.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edged.algorithm.engines import EngineCache, forget, is_built, is_held
from edged.algorithm.onnx_file import NotOnnx, read_onnx
from edged.errors import AlgorithmError
from edged.model.providers import ORT_NAMES, Candidate, Machine, Provider, choose

__all__ = ["Loaded", "OnBuild", "Provider", "available_providers", "create_runtime", "default_threads"]

_log = logging.getLogger(__name__)

# Before anybody imports it, a user's own algorithm included: left alone, 1.31 keeps a telemetry database in
# the home folder and a thread to send it to its makers.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

OnBuild = Callable[[str], AbstractContextManager[None]]
"""``on_build(what)`` is entered for as long as an engine may be built: minutes."""

_NVIDIA = ("dev/nvidia0", "dev/nvhost-gpu", "dev/nvgpu/igpu0", "dev/dxg")
_AMD = ("dev/kfd",)
_INTEL = "0x8086"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model in ONNX Runtime, and what runs it."""

    runtime: Any
    """``onnxruntime.InferenceSession``"""
    label: str
    """For people: ``CPU``, ``OpenVINO GPU``."""
    builds_each_size: bool = False
    """Whether the first run on inputs of another size builds an engine, which takes minutes."""


def available_providers() -> tuple[str, ...]:
    """The execution providers that the installed onnxruntime was built with, by its own names."""
    import onnxruntime

    return tuple(onnxruntime.get_available_providers())


def default_threads() -> int:
    """Half the cores this process may use, at least one: decoding needs the others."""
    return max(1, len(os.sched_getaffinity(0)) // 2)


def look_for_accelerators(root: Path = Path("/")) -> Machine:
    """What the device files below ``root`` show."""
    vendors = root.glob("sys/class/drm/renderD*/device/vendor")
    return Machine(
        nvidia=any((root / sign).exists() for sign in _NVIDIA),
        amd=any((root / sign).exists() for sign in _AMD),
        intel_gpu=any(_read(path) == _INTEL for path in vendors),
        apple=os.uname().sysname == "Darwin",
    )


def create_runtime(
    path: Path,
    provider: Provider,
    threads: int,
    *,
    cache: Path | None = None,
    on_build: OnBuild = lambda what: nullcontext(),
) -> Loaded:
    """Load a model.

    With ``auto`` a provider that does not load it, or gives no numbers, is passed over, aloud. What is
    built is kept in ``cache``, a folder that may be shared. Raises `AlgorithmError`.
    """
    fixed = _is_of_fixed_size(path)
    there, machine = available_providers(), look_for_accelerators()
    choice = choose(there, machine, threads, wanted=provider, fixed=fixed)
    for passed in choice.passed_over:
        _log.info("%s: not on %s: %s", path.name, passed.provider, passed.reason)
    if not choice.candidates:
        have = ", ".join(there)
        raise AlgorithmError(
            f"provider {provider} is not in this onnxruntime, which has {have}", code="invalid"
        )
    reasons: list[str] = []
    for candidate in choice.candidates:
        try:
            runtime = _load(path, candidate, threads, cache, on_build)
            _check(runtime, candidate)
        except _Unfit as unfit:
            reasons.append(f"{candidate.label}: {unfit}")
            if candidate is not choice.candidates[-1]:
                _log.warning("%s does not run on %s, trying the next: %s", path.name, candidate.label, unfit)
        else:
            return Loaded(runtime, candidate.label, candidate.builds_each_size and not fixed)
    raise AlgorithmError(_explain(path, reasons))


@functools.lru_cache(maxsize=1)
def runtime_errors() -> tuple[type[Exception], ...]:
    """What onnxruntime raises: exceptions of its own, which share no base class, and two of Python's."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    members = (getattr(state, name) for name in dir(state))
    own = (kind for kind in members if isinstance(kind, type) and issubclass(kind, Exception))
    return (ValueError, RuntimeError, *own)


class _Unfit(Exception):
    """This provider does not run the model."""


def _is_of_fixed_size(path: Path) -> bool:
    try:
        return not read_onnx(path).open_inputs
    except (NotOnnx, OSError):
        return False  # whatever is wrong with it, ONNX Runtime has the last word


def _load(path: Path, candidate: Candidate, threads: int, cache: Path | None, on_build: OnBuild) -> Any:
    """Raises `_Unfit`."""
    if not candidate.builds:
        return _create(path, candidate, threads, candidate.options)
    what = f"{candidate.label} engine of {path.name}"
    try:
        if cache is not None:
            return _load_with(_engines(cache), path, candidate, threads, on_build)
    except OSError as error:
        _log.warning("the %s is not kept: %s", what, error)
    with on_build(what):
        return _create(path, candidate, threads, candidate.options)


def _load_with(
    engines: EngineCache, path: Path, candidate: Candidate, threads: int, on_build: OnBuild
) -> Any:
    """From the cache, or into it. Raises `_Unfit`, OSError."""
    place = engines.place(path, candidate)
    kept = {name: value.format(folder=place) for name, value in candidate.cache_options}
    options = {**candidate.options, **kept}
    with contextlib.ExitStack() as building:
        if not is_built(place) or is_held(place):
            _log.info("%s: building its engine for %s; this may take minutes", path.name, candidate.label)
            building.enter_context(on_build(path.name))
        building.enter_context(engines.held(place, path))
        if not is_built(place):
            runtime = _create(path, candidate, threads, options)
            engines.clean(place)
            return runtime
        with contextlib.suppress(_Unfit):
            return _create(path, candidate, threads, options)
        forget(place)  # a power cut may have left half of it
        building.enter_context(on_build(path.name))
        return _create(path, candidate, threads, options)


def _create(path: Path, candidate: Candidate, threads: int, provider_options: Any) -> Any:
    """Raises `_Unfit`, also where onnxruntime falls back by itself."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    chain: list[Any] = [(candidate.ort_name, dict(provider_options))]
    chain += [ORT_NAMES[provider] for provider in candidate.beside]
    if candidate.provider is not Provider.CPU:
        chain.append(ORT_NAMES[Provider.CPU])
    try:
        runtime = onnxruntime.InferenceSession(str(path), sess_options=options, providers=chain)
    except runtime_errors() as error:
        raise _Unfit(str(error).strip()) from error
    running = runtime.get_providers()[0]
    if running != candidate.ort_name:
        raise _Unfit(f"onnxruntime fell back to {running}, for the reason in the lines that it wrote before")
    return runtime


def _check(runtime: Any, candidate: Candidate) -> None:
    """Run an accelerator once on gray, where the model says what it takes: a driver that does not fit gives
    errors, or no numbers, at the first run only. Raises `_Unfit`.
    """
    inputs = runtime.get_inputs()
    plain = all(node.type == "tensor(float)" and _is_fixed(node.shape) for node in inputs)
    if candidate.provider is Provider.CPU or not plain:
        return
    feeds = {node.name: np.full(node.shape, 0.5, dtype=np.float32) for node in inputs}
    try:
        outputs: Sequence[Any] = runtime.run(None, feeds)
    except runtime_errors() as error:
        raise _Unfit(f"its first run failed: {str(error).strip()}") from error
    numbers = (np.asarray(output) for output in outputs if np.asarray(output).dtype.kind == "f")
    if any(np.isnan(output).any() for output in numbers):
        raise _Unfit("its first run gave NaN")


def _is_fixed(shape: Sequence[Any]) -> bool:
    return all(isinstance(size, int) and size > 0 for size in shape)


def _explain(path: Path, reasons: Sequence[str]) -> str:
    """What is wrong with a file that no provider loads."""
    try:
        missing = read_onnx(path).missing
    except NotOnnx as error:
        return str(error)
    except OSError as error:
        return f"{path.name} cannot be read: {error.strerror}"
    if missing:
        names = ", ".join(file.name for file in missing[:5])
        return (
            f"{path.name} cannot be loaded: its weights are in {names}, which is not there; copy it beside it"
        )
    return f"{path.name} cannot be loaded: {'; '.join(reasons)}"


def _engines(cache: Path) -> EngineCache:
    import onnxruntime

    return EngineCache(cache, onnxruntime.__version__)


def _read(path: Path) -> str:
    with contextlib.suppress(OSError):
        return path.read_text(encoding="ascii", errors="replace").strip()
    return ""
