"""edged: the edge video-inference daemon.

What authors of algorithms and programs that analyze videos import stands here and is loaded when it is
first asked for, so that the daemon's own process, which imports `edged.app`, never pulls in numpy. Type
checkers read ``__init__.pyi`` beside this file.
"""

from __future__ import annotations

import importlib
from typing import Any

_OF_ALGORITHMS = (
    "Algorithm",
    "AlgorithmError",
    "AlgorithmParams",
    "BaseAlgo",
    "Context",
    "Detection",
    "Frame",
    "Outcome",
)
_MODULES = {
    **dict.fromkeys(_OF_ALGORITHMS, "edged.algorithm"),
    "analyze": "edged.offline.analyze",
    "AnalyzedFrame": "edged.offline.engine.hook",
    "Event": "edged.offline.engine.result",
    "Progress": "edged.offline.engine.result",
    "Result": "edged.offline.engine.result",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'edged' has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULES])
