"""The runs that are due and have not begun: at most one for each (job, source). Pure.

Newest wins, and nobody starves: a newer due frame replaces the one that waits, and of those that wait
the one goes first whose last turn was longest ago. (By the age of the frames instead, a camera whose frame
is replaced just before its turn waits again, at each round when rates resonate; in the order in which they
came, cameras that are due at the same moment always come in the same order, and the last of them go short.)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

Run = TypeVar("Run")

_Key = tuple[str, str]
_REMEMBERED = 1024
"""Last turns. Whose is forgotten goes first once, as one that is new."""


class Backlog(Generic[Run]):
    """The newest run that is due of each (job, source)."""

    def __init__(self) -> None:
        self._runs: dict[_Key, Run] = {}
        self._turns: dict[_Key, int] = {}
        """When each had its last turn, in turns; the latest at the end."""
        self._turn = 0

    def __len__(self) -> int:
        return len(self._runs)

    def put(self, job: str, source: str, run: Run) -> Run | None:
        """Wait for a turn, instead of the one that waits, which is returned: it comes too late."""
        replaced = self._runs.get((job, source))
        self._runs[job, source] = run
        return replaced

    def take(self) -> Run | None:
        """The one whose turn it is, or None when none waits."""
        if not self._runs:
            return None
        return self._pop(min(self._runs, key=self._last_turn))

    def take_all(self, wanted: Callable[[Run], bool], most: int) -> list[Run]:
        """Those that are ``wanted``, in the order of their turns."""
        keys = sorted((key for key, run in self._runs.items() if wanted(run)), key=self._last_turn)
        return [self._pop(key) for key in keys[:most]]

    def any(self, wanted: Callable[[Run], bool]) -> bool:
        """Whether a run that is ``wanted`` waits."""
        return any(wanted(run) for run in self._runs.values())

    def _last_turn(self, key: _Key) -> int:
        """Of equals, such as those that had none yet, the first that came goes first."""
        return self._turns.get(key, 0)

    def _pop(self, key: _Key) -> Run:
        self._turns.pop(key, None)
        self._turn += 1
        self._turns[key] = self._turn
        if len(self._turns) > _REMEMBERED:
            del self._turns[next(iter(self._turns))]
        return self._runs.pop(key)
