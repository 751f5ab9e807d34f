"""edged: the edge video-inference daemon.

What authors of algorithms import stands here and is loaded when it is first asked for, so that the
daemon's own process, which imports `edged.app`, never pulls in numpy. Type checkers read
``__init__.pyi`` beside this file.
"""

from __future__ import annotations

import importlib
from typing import Any

_NAMES = (
    "Algorithm",
    "AlgorithmError",
    "AlgorithmParams",
    "BaseAlgo",
    "Context",
    "Detection",
    "Frame",
    "Outcome",
)


def __getattr__(name: str) -> Any:
    if name not in _NAMES:
        raise AttributeError(f"module 'edged' has no attribute {name!r}")
    return getattr(importlib.import_module("edged.algorithm"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_NAMES])
