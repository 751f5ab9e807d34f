"""The config of what was tried, to paste and run."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from edged.model.trying import TryReport, TryRequest

_PLAIN = re.compile(r"([a-z]+://[A-Za-z0-9]|[A-Za-z/])[A-Za-z0-9_./-]*")
_WORDS = ("true", "false", "null", "yes", "no", "on", "off", "y", "n")
_LONGEST_NAME = 64
_ON_CROPS = ("embedding",)


def config_for(report: TryReport, request: TryRequest) -> str:
    """A whole, valid config with one job; a camera's address stands in for the picture."""
    model = Path(request.model)
    params = {"model": model.name, **request.params}
    source = "rtsp://10.0.0.5/stream1" if request.is_picture else request.footage
    own = ", ".join(_scalar(folder) for folder in request.folders)
    folders = f"algorithms: [{own}]\n" if own else ""
    seconds = request.interval_us / 1e6
    sampling = "" if request.is_picture else f"\n      sampling: {{interval: {seconds:g}}}"
    return (
        f"{folders}models: [{_scalar(str(model.parent))}]\n"
        "spec:\n"
        "  sources:\n"
        f"    camera: {{url: {_scalar(source)}}}\n"
        "  jobs:\n"
        f"    {_scalar(job_name(model))}:\n"
        f"{_link(report.algorithm, params)}{sampling}\n"
    )


def _link(algorithm: str, params: dict[str, Any]) -> str:
    """The job's algorithm; one that looks at crops stands behind a detector, whose model is to be named."""
    if algorithm in _ON_CROPS:
        return (
            "      algorithm: detector\n"
            "      params: {model: YOUR_DETECTOR.onnx}\n"
            f"      then: [{{algorithm: {_scalar(algorithm)}, params: {_flow(params)}}}]"
        )
    return f"      algorithm: {_scalar(algorithm)}\n      params: {_flow(params)}"


def job_name(model: Path) -> str:
    """The model's name, of the letters that a job's may have."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", model.stem).strip("-")[:_LONGEST_NAME] or "model"


def _flow(params: dict[str, Any]) -> str:
    return "{" + ", ".join(f"{_scalar(name)}: {_value(value)}" for name, value in params.items()) + "}"


def _value(value: Any) -> str:
    """JSON is YAML; only texts are nicer without quotes."""
    return _scalar(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _scalar(text: str) -> str:
    plain = _PLAIN.fullmatch(text) and text.lower() not in _WORDS
    return text if plain else json.dumps(text, ensure_ascii=False)
