"""Errors are policies: the class says what happens next, and one place decides it.

::

    EdgedError
    ├── SpecRejected         keep running what runs; report every problem with its path
    ├── SourceUnavailable    try again with back-off (a camera that is away)
    ├── SourceUnsupported    the source fails until its spec changes (no such scheme, no video in it)
    ├── TrackError           the frame track cannot be used: the process that sees it starts anew
    ├── AlgorithmError       that job fails, visibly; the others go on
    ├── StorageError         the disk refuses now: go on without it, say so, try again later
    │   └── StorageTaken     another daemon has this folder: do not start beside it
    └── ChannelClosed        the parent is gone: exit

Anything else is a bug: the process dies with its traceback in the journal and is started anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

ERROR_CODES = (
    "invalid", "unknown_key", "unknown_op", "too_large", "retained", "conflict", "stale", "not_found",
    "model_not_found", "algorithm_not_found", "algorithm_failed", "not_allowed", "secret_not_allowed",
    "source_failed", "timeout", "interrupted", "busy", "internal",
)  # fmt: skip
"""Every stable error code that can travel, as the contract lists them."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a file or spec: where, what, and what would be right."""

    path: str
    """Dotted path of the key, ``spec.jobs.people.params.model``; empty for the file as a whole."""
    message: str
    code: str = "invalid"
    file: str = ""
    line: int = 0
    """1-based; 0 when the place is not known."""
    column: int = 0

    def __str__(self) -> str:
        """``file:line:column: key.path: message``, as compilers do, leaving out what is not known."""
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return ": ".join(part for part in (place, self.path, self.message) if part)


class EdgedError(Exception):
    """The root of all errors that edged raises on purpose."""

    code = "internal"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code


class SpecRejected(EdgedError):
    """A file or spec that is not valid as a whole; nothing of it takes effect."""

    code = "invalid"

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


class SourceUnavailable(EdgedError):
    """The source cannot be read now; trying again may help."""

    code = "source_failed"


class SourceUnsupported(EdgedError):
    """The source can never be read as it is specified; trying again would not help."""

    code = "source_failed"


class TrackError(EdgedError):
    """The frame track's memory is not what its header says, or cannot be had."""


class AlgorithmError(EdgedError):
    """An algorithm cannot be found, loaded or run, or returned what it must not."""

    code = "algorithm_failed"


class StorageError(EdgedError):
    """What must outlive the daemon cannot be kept or read now; the message says why, for people."""


class StorageTaken(StorageError):
    """Another daemon uses the folder; the message names it, and the mend."""


class ChannelClosed(EdgedError):
    """The other end of a channel is gone."""
