"""Runs works on the database file, and is the one place that decides what trouble with the disk leads to.

Damaged, or no database of ours: set aside, and the same works run on a new one. Refusing (full, read-only,
failing, held by somebody else): every work fails with the reason until it is tried again, with back-off. A
work's own mistake: that work alone. All in the database's thread, without an event loop.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edged.errors import StorageError
from edged.storage.database_file import DatabaseFile
from edged.storage.folder_lock import FolderTaken
from edged.storage.trouble import Patience, UnusableFile, Verdict, verdict, words

_DAMAGED_AGAIN_S = 60.0
_SAID_AGAIN_S = 3600.0
_log = logging.getLogger(__name__)

SqlWork = Callable[[sqlite3.Connection], object]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a work returned, or why it has no effect."""

    value: object = None
    error: Exception | None = None


class Keeper:
    """Used from one thread; ``trouble``, ``taken`` and ``set_aside`` may be read from others."""

    def __init__(self, file: DatabaseFile) -> None:
        self._file = file
        self._patience = Patience()
        self._retry_s = float("-inf")
        self._set_aside_s = float("-inf")
        self._said: dict[str, float] = {}
        self.trouble = ""
        """Why nothing can be kept now; empty when all is well."""
        self.taken = False
        """The folder belongs to another process."""
        self.set_aside = 0
        """How many damaged files were set aside since the start."""
        self.news: list[str] = []
        """What is to be told: trouble, a file set aside, an empty string for the end of trouble."""

    def due_s(self) -> float | None:
        """When `run` should be called to end the trouble. None: there is none."""
        return self._retry_s if self.trouble else None

    def run(self, works: Sequence[SqlWork], now_s: float) -> list[Outcome]:
        """All in one transaction, committed when this returns; each undone alone if it fails alone."""
        for _ in range(2):
            if self.trouble and now_s < self._retry_s:
                break
            try:
                outcomes = self._transact(works)
            except (sqlite3.Error, OSError, FolderTaken, UnusableFile) as error:
                self._decide(error, now_s)
            else:
                self._all_is_well()
                return outcomes
        return [Outcome(error=StorageError(self.trouble)) for _ in works]

    def close(self) -> None:
        self._file.release()

    def _transact(self, works: Sequence[SqlWork]) -> list[Outcome]:
        connection = self._file.open()
        if not works and not self.trouble:
            return []
        connection.execute("BEGIN IMMEDIATE")
        if self.trouble:
            self._file.prove_writable()
        outcomes = [_isolated(connection, work) for work in works]
        self._file.give_back_pages()
        connection.execute("COMMIT")
        return outcomes

    def _decide(self, error: Exception, now_s: float) -> None:
        if verdict(error) is Verdict.DAMAGED and now_s - self._set_aside_s > _DAMAGED_AGAIN_S:
            try:
                self._start_anew(error, now_s)
            except OSError as refused:
                self._refuse(refused, now_s)
        else:
            self._refuse(error, now_s)

    def _start_anew(self, error: Exception, now_s: float) -> None:
        self._set_aside_s = now_s
        aside = self._file.set_aside()
        self.set_aside += 1
        text = f"{self._file.path} cannot be used ({error}): set aside as {aside}, and a new one started"
        _log.error("%s", text)
        self.news.append(text)

    def _refuse(self, error: Exception, now_s: float) -> None:
        self._file.close()
        self.taken = isinstance(error, FolderTaken)
        text = words(error, self._file.path)
        if text != self.trouble:
            self.news.append(text)
            self._say(text, now_s)
        self.trouble = text
        self._retry_s = now_s + self._patience.delay_s(now_s)

    def _all_is_well(self) -> None:
        if self.trouble:
            _log.info("%s can be written again", self._file.path)
            self.news.append("")
        self.trouble = ""
        self.taken = False

    def _say(self, text: str, now_s: float) -> None:
        """WARNING once an hour for the same words, however often the trouble comes and goes."""
        is_old = now_s - self._said.get(text, float("-inf")) < _SAID_AGAIN_S
        _log.log(logging.DEBUG if is_old else logging.WARNING, "%s", text)
        if not is_old:
            if len(self._said) >= 16:
                self._said.clear()
            self._said[text] = now_s


def _isolated(connection: sqlite3.Connection, work: SqlWork) -> Outcome:
    """Raises only what is no mistake of the work's own."""
    connection.execute("SAVEPOINT work")
    try:
        outcome = Outcome(work(connection))
    except Exception as error:  # whoever asked for the work is told, whatever it is
        if verdict(error) is not Verdict.OWN:
            raise
        outcome = Outcome(error=error)
        connection.execute("ROLLBACK TO work")
    connection.execute("RELEASE work")
    return outcome
