"""Where the time of a run goes: before the model, in it, after it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from edged.algorithm.session import Session, Sessions


class Stopwatch:
    """Of the runs of one chain; a model that runs several times within one counts as one long run."""

    def __init__(self) -> None:
        self.laps: list[tuple[int, int, int]] = []
        """Nanoseconds before, in and after the model."""
        self._began = 0
        self._in_model = 0
        self._first = 0

    def begin(self) -> None:
        self._in_model = self._first = 0
        self._began = time.perf_counter_ns()

    def end(self) -> None:
        now = time.perf_counter_ns()
        before = (self._first or now) - self._began
        self.laps.append((before, self._in_model, now - self._began - before - self._in_model))

    def note(self, began: int, ended: int) -> None:
        """The model ran."""
        self._first = self._first or began
        self._in_model += ended - began

    def medians_ms(self) -> tuple[float, float, float]:
        """Before, in and after; the first run, which sets things up, is left out where there are others."""
        laps = self.laps[1:] or self.laps
        before, model, after = (statistics.median(column) / 1e6 for column in zip(*laps, strict=True))
        return before, model, after


class WatchedSessions(Sessions):
    """Sessions whose runs a stopwatch sees."""

    watch: Stopwatch
    given: list[Session]
    """All that were asked for."""

    @classmethod
    def of(cls, sessions: Sessions, watch: Stopwatch) -> WatchedSessions:
        """The same models and folders."""
        watched = cls.__new__(cls)
        watched.__dict__.update(sessions.__dict__)
        watched.watch, watched.given = watch, []
        return watched

    def get(self, name: str, *, provider: str = "auto", threads: int | None = None) -> Session:
        session = super().get(name, provider=provider, threads=threads)
        self.given.append(session)
        return cast(Session, _Watched(session, self.watch))


class _Watched:
    """A session, in all that its users can tell."""

    def __init__(self, session: Session, watch: Stopwatch) -> None:
        self._session = session
        self._watch = watch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def run(self, feeds: Mapping[str, NDArray[Any]] | NDArray[Any]) -> list[NDArray[np.generic]]:
        began = time.perf_counter_ns()
        try:
            return self._session.run(feeds)
        finally:
            self._watch.note(began, time.perf_counter_ns())
