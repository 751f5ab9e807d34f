"""The runs that are due and have not begun: at most one for each (job, source). Pure.

Newest wins, and nobody starves: a newer due frame replaces the one that waits but keeps its place in
the line. (Going by the age of the frames instead, a camera whose frame is replaced just before its
turn goes to the end of the line, at each round again when rates resonate.)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

Run = TypeVar("Run")


class Backlog(Generic[Run]):
    """A line of (job, source) keys, each with the newest run that is due."""

    def __init__(self) -> None:
        self._runs: dict[tuple[str, str], Run] = {}

    def __len__(self) -> int:
        return len(self._runs)

    def put(self, job: str, source: str, run: Run) -> Run | None:
        """Wait for a turn, in the place of the one that waits, which is returned: it comes too late."""
        replaced = self._runs.get((job, source))
        self._runs[job, source] = run
        return replaced

    def take(self) -> Run | None:
        """The one that stands first in the line, or None when none waits."""
        if not self._runs:
            return None
        return self._runs.pop(next(iter(self._runs)))

    def take_all(self, wanted: Callable[[Run], bool], most: int) -> list[Run]:
        """Those that are ``wanted``, in the order of the line."""
        keys = [key for key, run in self._runs.items() if wanted(run)]
        return [self._runs.pop(key) for key in keys[:most]]

    def any(self, wanted: Callable[[Run], bool]) -> bool:
        """Whether a run that is ``wanted`` waits."""
        return any(wanted(run) for run in self._runs.values())
