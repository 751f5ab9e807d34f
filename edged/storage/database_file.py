"""The file ``edged.db`` itself: how it is opened on a disk that may be an SD card, and how it is set aside.

WAL with synchronous FULL: a commit is one fsync, and whole before and after a power cut. The locking mode
is EXCLUSIVE: no shared-memory file (whose mapping would kill the process on a full disk), and nobody else
writes. Free pages are given back a few at a time. Nothing is zeroed that nobody reads: it would be written.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from edged.storage.folder_lock import FolderLock
from edged.storage.trouble import UnusableFile

APPLICATION_ID = 0x65646765
"""``edge``: whose file it is (SQLite's application_id)."""
_FIRST_LOCK_S = 2.0
"""A daemon that was restarted may have to wait for its predecessor's end."""
_FOREIGN_LOCK_S = 1.0
_CHECKED_BYTES = 4 << 20
"""A file up to this size is checked as a whole when it is opened: a few milliseconds."""
_FREE_PAGES = 1024
_GIVEN_BACK_PAGES = 256
_SUFFIXES = ("", "-wal", "-shm", "-journal")


class DatabaseFile:
    """Used from one thread only. ``path`` None: in memory, for a device without a disk."""

    def __init__(self, path: Path | None, schema: Sequence[str], migrations: Sequence[Sequence[str]]) -> None:
        self.path = path
        self._schema = schema
        self._migrations = migrations
        self._lock = None if path is None else FolderLock(path.parent)
        self._lock_patience_s = _FIRST_LOCK_S
        self._connection: sqlite3.Connection | None = None

    def open(self) -> sqlite3.Connection:
        """The same connection until `close`.

        Raises sqlite3.Error, OSError, `FolderTaken` or `UnusableFile`."""
        if self._connection is None:
            self._claim()
            connection = self._connect()
            try:
                self._prepare(connection)
            except BaseException:
                _close(connection)
                raise
            self._connection = connection
        return self._connection

    def close(self) -> None:
        """What was committed is on the disk before and after. The folder stays ours until `release`."""
        if self._connection is not None:
            _close(self._connection)
            self._connection = None

    def release(self) -> None:
        self.close()
        if self._lock is not None:
            self._lock.release()

    def set_aside(self) -> Path | None:
        """Rename it to ``edged.db.corrupt``, for people to look at; only the newest stays. Raises OSError."""
        self.close()
        if self.path is None:
            return None
        aside = self.path.with_name(f"{self.path.name}.corrupt")
        for suffix in _SUFFIXES:
            Path(f"{aside}{suffix}").unlink(missing_ok=True)
        for suffix in _SUFFIXES:
            with contextlib.suppress(FileNotFoundError):
                Path(f"{self.path}{suffix}").rename(f"{aside}{suffix}")
        return aside

    def give_back_pages(self) -> None:
        """Within a transaction: shorten the file a little when much of it is free."""
        assert self._connection is not None  # noqa: S101 - there is a transaction
        free = _pragma(self._connection, "freelist_count")
        if free > _FREE_PAGES and 2 * free > _pragma(self._connection, "page_count"):
            for _ in range(_GIVEN_BACK_PAGES):  # the module runs this pragma's first step only
                self._connection.execute("PRAGMA incremental_vacuum(1)")

    def prove_writable(self) -> None:
        """Within a transaction: change a page, so that its commit tells whether the disk takes it."""
        assert self._connection is not None  # noqa: S101 - there is a transaction
        self._connection.execute(f"PRAGMA user_version={self._version}")

    @property
    def _version(self) -> int:
        return 1 + len(self._migrations)

    def _claim(self) -> None:
        if self.path is None or self._lock is None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        patience_s, self._lock_patience_s = self._lock_patience_s, 0.0
        self._lock.acquire(patience_s)
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))

    def _connect(self) -> sqlite3.Connection:
        place = ":memory:" if self.path is None else str(self.path)
        return sqlite3.connect(place, timeout=_FOREIGN_LOCK_S, isolation_level=None, cached_statements=32)

    def _prepare(self, connection: sqlite3.Connection) -> None:
        """Nothing is changed before it is known that the file is ours and whole."""
        _set(connection, "locking_mode=EXCLUSIVE", "cell_size_check=ON", "trusted_schema=OFF")
        is_new = not _pragma(connection, "schema_version")
        self._check(connection, is_new=is_new)
        _set(
            connection, "auto_vacuum=INCREMENTAL", "journal_mode=WAL", "synchronous=FULL",
            "cache_size=-1024", "journal_size_limit=4194304", "temp_store=MEMORY", "secure_delete=OFF",
        )  # fmt: skip
        connection.execute("BEGIN IMMEDIATE")
        self._bring_up_to_date(connection, is_new=is_new)
        connection.execute("COMMIT")

    def _check(self, connection: sqlite3.Connection, *, is_new: bool) -> None:
        if self.path is not None and self.path.stat().st_size <= _CHECKED_BYTES:
            found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            if found != "ok":
                raise UnusableFile(f"it is damaged: {found.splitlines()[-1]}")
        if not is_new and _pragma(connection, "application_id") != APPLICATION_ID:
            raise UnusableFile("it is a database of another program")
        version = _pragma(connection, "user_version")
        if version > self._version:
            raise UnusableFile(f"its schema is version {version}, made by a newer edged than this one")

    def _bring_up_to_date(self, connection: sqlite3.Connection, *, is_new: bool) -> None:
        """Migration number n (from 1) takes version n to n + 1; a new file starts with the newest schema."""
        version = _pragma(connection, "user_version")
        if is_new or version < self._version:
            steps = [] if is_new else self._migrations[max(0, version - 1) :]
            for statement in [line for step in steps for line in step]:
                connection.execute(statement)
            _set(connection, f"application_id={APPLICATION_ID}", f"user_version={self._version}")
        for statement in self._schema:
            connection.execute(statement)


def _set(connection: sqlite3.Connection, *pragmas: str) -> None:
    for pragma in pragmas:
        connection.execute(f"PRAGMA {pragma}").fetchall()


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


def _close(connection: sqlite3.Connection) -> None:
    with contextlib.suppress(sqlite3.Error):  # a damaged or full one may refuse its last checkpoint
        connection.close()
