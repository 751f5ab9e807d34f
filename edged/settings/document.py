"""What was read: plain data, and where in the file each part of it stands, if it came from one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from edged.errors import Problem


@dataclass(frozen=True, slots=True)
class Place:
    """1-based lines and columns of a key and of its value; an item of a list is both."""

    key_line: int
    key_column: int
    line: int
    column: int


MOST_PROBLEMS = 100
"""That are told of one kind: who mends these hears of the next. Whatever comes over the network is read in
main's loop, and 256 KiB hold twenty thousand mistakes."""


@dataclass(frozen=True, slots=True)
class Document:
    """One parsed file. ``value`` may hold literal passwords, so it does not show in the repr."""

    file: str
    """Empty: it is no file, and its problems have no lines."""
    value: dict[str, Any] = field(repr=False)
    places: Mapping[str, Place] = field(repr=False)
    """By dotted path; items of lists by their number."""

    def place(self, path: str) -> tuple[int, int]:
        """Line and column of what is at ``path``, or of the nearest key above it that exists.

        A value that begins on its key's line is pointed at itself, a block by its key.
        """
        found = self.places.get(path)
        if found is None:
            return self.key_place(path)
        if found.line == found.key_line:
            return found.line, found.column
        return found.key_line, found.key_column

    def key_place(self, path: str) -> tuple[int, int]:
        """Line and column of the key at ``path`` or nearest above it; (1, 1) at the top, 0 in no file."""
        while path:
            found = self.places.get(path)
            if found is not None:
                return found.key_line, found.key_column
            path = path.rpartition(".")[0]
        return (1, 1) if self.file else (0, 0)

    def problem(self, path: str, message: str, code: str = "invalid", *, at_key: bool = False) -> Problem:
        """A problem with the line and column of ``path``, where there is a file."""
        line, column = self.key_place(path) if at_key else self.place(path)
        return Problem(path, message, code, self.file, line, column)


def dotted(parts: tuple[str | int, ...]) -> str:
    """``("spec", "jobs", "a", "then", 0)`` as ``spec.jobs.a.then.0``, fit to be shown on one line."""
    return ".".join(_shown(str(part)) for part in parts)


def _shown(key: str) -> str:
    clean = key if key.isprintable() else key.encode("unicode_escape").decode("ascii")
    return clean if len(clean) <= 64 else f"{clean[:61]}..."
