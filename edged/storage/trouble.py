"""What an error of the database means, and when to try again. Pure."""

from __future__ import annotations

import sqlite3
from enum import Enum
from pathlib import Path

_FIRST_DELAY_S = 1.0
_LONGEST_DELAY_S = 60.0
_FORGOTTEN_AFTER_S = 120.0

_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_REFUSED = {
    sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_NOLFS, sqlite3.SQLITE_AUTH,
}  # fmt: skip


class UnusableFile(Exception):
    """It can be opened, but this version of edged cannot use what is in it; the message says why."""


class Verdict(Enum):
    """What happens next."""

    DAMAGED = "damaged"
    """The file is set aside and a new one started."""
    REFUSED = "refused"
    """Everything fails until it is tried again, later."""
    OWN = "own"
    """The work's own mistake: the disk is fine."""


def verdict(error: BaseException) -> Verdict:
    """Of what a work, or opening the database, raised."""
    if isinstance(error, UnusableFile):
        return Verdict.DAMAGED
    if not isinstance(error, sqlite3.Error):
        return Verdict.OWN
    primary = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    if primary in _DAMAGED:
        return Verdict.DAMAGED
    return Verdict.REFUSED if primary in _REFUSED else Verdict.OWN


def words(error: BaseException, path: Path | None) -> str:
    """Why nothing can be kept now, with the mend, for people."""
    place = "memory" if path is None else str(path.parent)
    primary = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    if primary == sqlite3.SQLITE_FULL:
        return f"the disk that holds {place} is full: nothing more is kept there until there is room"
    if primary == sqlite3.SQLITE_READONLY:
        return f"{path} cannot be written: is its disk mounted read-only, or does it belong to another user?"
    if primary == sqlite3.SQLITE_BUSY:
        return f"another program has {path} open (sqlite3?): close it there"
    if isinstance(error, OSError):
        return f"the storage folder {place} cannot be used ({error.strerror or error}): see storage.path"
    return f"{path} cannot be used ({error})" if isinstance(error, sqlite3.Error) else str(error)


class Patience:
    """How long to wait before the disk is tried again: longer each time, forgotten after a good while."""

    def __init__(self) -> None:
        self._failures = 0
        self._last_s = float("-inf")

    def delay_s(self, now_s: float) -> float:
        """After a failure at ``now_s``."""
        if now_s - self._last_s > _FORGOTTEN_AFTER_S:
            self._failures = 0
        self._last_s = now_s
        self._failures += 1
        return min(_LONGEST_DELAY_S, _FIRST_DELAY_S * 2.0 ** (self._failures - 1))
