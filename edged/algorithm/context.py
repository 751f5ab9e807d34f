"""What an algorithm may ask of the worker that runs it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from edged.algorithm.session import Session, Sessions


@dataclass(frozen=True, slots=True)
class Context:
    """Given to each instance of an algorithm: one per job and source."""

    job: str
    source: str
    sessions: Sessions
    emit: Callable[[str, dict[str, Any]], None]
    """``emit(type, fields)`` makes an event; fields as the contract names them, boxes in fractions."""

    def model(self, name: str, *, provider: str = "auto", threads: int | None = None) -> Session:
        """The ONNX session of a model, shared by all who ask for it; raises `AlgorithmError`."""
        return self.sessions.get(name, provider=provider, threads=threads)
