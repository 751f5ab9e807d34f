"""edged: the edge video-inference daemon.

What authors of algorithms import stands here and is loaded when it is first asked for, so that the
daemon's own process, which imports `edged.app`, never pulls in numpy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edged.algorithm import (
        Algorithm,
        AlgorithmError,
        AlgorithmParams,
        BaseAlgo,
        Context,
        Detection,
        Frame,
        Outcome,
    )

__all__ = [
    "Algorithm",
    "AlgorithmError",
    "AlgorithmParams",
    "BaseAlgo",
    "Context",
    "Detection",
    "Frame",
    "Outcome",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'edged' has no attribute {name!r}")
    return getattr(importlib.import_module("edged.algorithm"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
