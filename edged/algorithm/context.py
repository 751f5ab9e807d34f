"""What an algorithm may ask of the worker that runs it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from edged.algorithm.session import Session, Sessions
from edged.errors import AlgorithmError
from edged.model.scene import Scene


class TrackIds:
    """Gives out the track ids of one (job, source): each once in a boot, whoever asks."""

    def __init__(self, last: int = 0) -> None:
        self._last = last
        self._lock = threading.Lock()

    @property
    def last(self) -> int:
        """The highest that was given out."""
        return self._last

    def next(self) -> int:
        """One that nobody had."""
        with self._lock:
            self._last += 1
            return self._last

    def go_on_after(self, last: int) -> None:
        """Give out none up to ``last``: somebody else did."""
        with self._lock:
            self._last = max(self._last, last)


def _no_functions(name: str) -> Callable[..., Any]:
    raise AlgorithmError(f"{name}: no folder of functions is known here", code="not_allowed")


@dataclass(frozen=True, slots=True)
class Context:
    """Given to each instance of an algorithm: one per job and source."""

    job: str
    source: str
    sessions: Sessions
    emit: Callable[[str, dict[str, Any]], None]
    """``emit(type, fields)`` makes an event; fields as the contract names them, boxes in fractions."""
    scenes: Mapping[str, Scene] = field(default_factory=dict)
    """By source, kept up to date by the worker; empty where nothing is known: in the prover."""
    track_ids: TrackIds = field(default_factory=TrackIds)
    kept: dict[str, Any] = field(default_factory=dict)
    """What outlives an instance, for the next one of the same job and source: values of JSON by name.
    Another worker finds only ``lines`` of the counts there."""
    counters: Counter[str] = field(default_factory=Counter)
    """What links of the chain count of their own work; the job's status shows it."""
    functions: Callable[[str], Callable[..., Any]] = _no_functions
    """Finds a function of a user's own by ``file:function``."""

    @property
    def scene(self) -> Scene | None:
        """The zones and lines of the source as they are now; None where that is not known.

        The same object until something changes: compare by identity.
        """
        return self.scenes.get(self.source)

    def count(self, name: str, number: int = 1) -> None:
        """Add to a counter that the job's status shows, such as ``classifier.crops``; from `run` only."""
        self.counters[name] += number

    def function(self, name: str) -> Callable[..., Any]:
        """The function that ``file:function`` means, in a folder that may hold algorithms.

        Raises `AlgorithmError` as `Catalogue.function` does.
        """
        return self.functions(name)

    def model(self, name: str, *, provider: str = "auto", threads: int | None = None) -> Session:
        """The ONNX session of a model, shared by all who ask for it; raises `AlgorithmError`."""
        return self.sessions.get(name, provider=provider, threads=threads)
