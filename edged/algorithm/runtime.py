"""ONNX Runtime: which execution provider to take, and how to set it up for a small machine.

onnxruntime is imported at first use only: listing algorithms and motion detection need none.
"""

from __future__ import annotations

import functools
import logging
import os
from enum import StrEnum
from pathlib import Path
from typing import Any

from edged.errors import AlgorithmError

_log = logging.getLogger(__name__)

# Before anybody imports it, a user's own algorithm included: left alone, 1.31 keeps a telemetry database in
# the home folder and a thread to send it to its makers.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


class Provider(StrEnum):
    """What runs a model."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"
    TENSORRT = "tensorrt"
    """Never chosen by itself: its first build of an engine takes minutes."""
    OPENVINO = "openvino"
    MIGRAPHX = "migraphx"


_ORT_NAMES = {
    Provider.CPU: "CPUExecutionProvider",
    Provider.CUDA: "CUDAExecutionProvider",
    Provider.TENSORRT: "TensorrtExecutionProvider",
    Provider.OPENVINO: "OpenVINOExecutionProvider",
    Provider.MIGRAPHX: "MIGraphXExecutionProvider",
}

_AUTO_ORDER = (Provider.CUDA, Provider.MIGRAPHX, Provider.OPENVINO, Provider.CPU)


def available_providers() -> tuple[str, ...]:
    """The execution providers that the installed onnxruntime was built with, by its own names."""
    import onnxruntime

    return tuple(onnxruntime.get_available_providers())


def default_threads() -> int:
    """Half the cores this process may use, at least one: decoding needs the others."""
    return max(1, len(os.sched_getaffinity(0)) // 2)


def create_runtime(path: Path, provider: Provider, threads: int) -> Any:
    """Load a model into an ``onnxruntime.InferenceSession``.

    With ``auto`` a provider that fails is passed over, aloud. Raises `AlgorithmError`.
    """
    candidates = [provider] if provider is not Provider.AUTO else list(_usable())
    for place, candidate in enumerate(candidates):
        try:
            return _create(path, candidate, threads)
        except runtime_errors() as error:
            reason = str(error).strip()
            if place + 1 == len(candidates):
                raise AlgorithmError(f"{path.name} cannot be loaded: {reason}") from error
            _log.warning("%s does not load on %s, trying the next: %s", path.name, candidate, reason)
    raise AlgorithmError("onnxruntime offers no execution provider that is known here")


@functools.lru_cache(maxsize=1)
def runtime_errors() -> tuple[type[Exception], ...]:
    """What onnxruntime raises: exceptions of its own, which share no base class, and two of Python's."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    members = (getattr(state, name) for name in dir(state))
    own = (kind for kind in members if isinstance(kind, type) and issubclass(kind, Exception))
    return (ValueError, RuntimeError, *own)


def _usable() -> tuple[Provider, ...]:
    there = available_providers()
    return tuple(provider for provider in _AUTO_ORDER if _ORT_NAMES[provider] in there)


def _create(path: Path, provider: Provider, threads: int) -> Any:
    import onnxruntime

    name = _ORT_NAMES[provider]
    if name not in available_providers():
        raise AlgorithmError(
            f"provider {provider} is not in this onnxruntime, which has {', '.join(available_providers())}"
        )
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    chain = [name] if provider is Provider.CPU else [name, _ORT_NAMES[Provider.CPU]]
    runtime = onnxruntime.InferenceSession(str(path), sess_options=options, providers=chain)
    if runtime.get_providers()[0] != name:
        _log.warning("%s fell back from %s to %s", path.name, name, runtime.get_providers()[0])
    return runtime
