"""What an algorithm prints goes to whoever started the analysis, and never among its results."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from typing import TypeAlias

Say: TypeAlias = Callable[[str], None]

_LONGEST = 2000
_STDOUT, _STDERR = 1, 2


class Voice(io.TextIOBase):
    """A stream whose lines are said as they are complete; long ones in parts. From any thread."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._begun = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        *lines, self._begun = (self._begun + text).split("\n")
        while len(self._begun) > _LONGEST:
            lines.append(self._begun[:_LONGEST])
            self._begun = self._begun[_LONGEST:]
        for line in lines:
            self._say(line)
        return len(text)


def part_results_from_prints() -> int:
    """A descriptor that is standard output until now; from now on what libraries print goes to the log."""
    results = os.dup(_STDOUT)
    os.dup2(_STDERR, _STDOUT)
    return results
