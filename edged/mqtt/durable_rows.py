"""The outbox's rows in the database: SQL and nothing else. Runs in the database's thread."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from edged.model.clock import Moment
from edged.mqtt.durable_owed import Owed
from edged.mqtt.message import Message, Worth

OUTBOX_SCHEMA: Sequence[str] = (
    """CREATE TABLE IF NOT EXISTS outbox (
        id INTEGER PRIMARY KEY,
        worth INTEGER NOT NULL,
        size INTEGER NOT NULL,
        wall_ns INTEGER NOT NULL,
        boottime_ns INTEGER NOT NULL,
        kernel_boot TEXT NOT NULL,
        synced INTEGER,
        retain INTEGER NOT NULL,
        topic TEXT NOT NULL,
        correlation BLOB NOT NULL,
        payload BLOB NOT NULL
    )""",
)
"""For `Database`. A change of it needs a migration there: the rows must survive an upgrade."""

_INSERT = "INSERT OR REPLACE INTO outbox VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_DELETE = "DELETE FROM outbox WHERE id BETWEEN ? AND ?"
_PAGE = "SELECT * FROM outbox WHERE id > ? AND id <= ? ORDER BY id LIMIT ?"
_COUNT = """SELECT worth, count(*), sum(size), max(id) FROM
    (SELECT id, worth, size FROM outbox WHERE id > ? AND id <= ? ORDER BY id LIMIT ?) GROUP BY worth"""
_OLDEST = "SELECT id, size FROM outbox WHERE id > ? AND id <= ? AND worth = ? ORDER BY id"
COUNTED_ROWS = 20_000
"""At a time: a fraction of a second on a slow disk."""


@dataclass(slots=True)
class Amount:
    """How many, and how many bytes, of each worth."""

    count: dict[Worth, int] = field(default_factory=lambda: dict.fromkeys(Worth, 0))
    bytes: dict[Worth, int] = field(default_factory=lambda: dict.fromkeys(Worth, 0))

    @property
    def total(self) -> int:
        return sum(self.count.values())

    def add(self, worth: Worth, size: int, count: int = 1) -> None:
        self.count[worth] += count
        self.bytes[worth] += size

    def include(self, other: Amount, sign: int = 1) -> None:
        for worth in Worth:
            self.add(worth, sign * other.bytes[worth], sign * other.count[worth])


@dataclass(slots=True)
class Page:
    """A piece of the backlog, in order."""

    owed: list[Owed] = field(default_factory=list)
    unreadable: Amount = field(default_factory=Amount)
    """What edged did not write, or did not write so; deleted."""
    last_row: int = 0
    """0: there was none."""


@dataclass(frozen=True, slots=True)
class Span:
    """Rows: those after the first up to and with the second."""

    after: int
    until: int


def newest_row(connection: sqlite3.Connection) -> int:
    row = connection.execute("SELECT max(id) FROM outbox").fetchone()
    return int(row[0] or 0)


def count_rows(connection: sqlite3.Connection, span: Span) -> tuple[Amount, int | None]:
    """Of the first some thousand rows of a span, and after which row to go on (None: that was all)."""
    amount, last, counted = Amount(), span.after, 0
    for worth, count, size, newest in connection.execute(_COUNT, (span.after, span.until, COUNTED_ROWS)):
        amount.add(_worth(worth), size, count)
        last, counted = max(last, newest), counted + count
    return amount, last if counted == COUNTED_ROWS else None


def apply_batch(
    connection: sqlite3.Connection, added: Iterable[Owed], removed: Iterable[int], base: int
) -> None:
    """``base`` is the row of id 0."""
    connection.executemany(_INSERT, (_row_of(owed, base) for owed in added))
    connection.executemany(_DELETE, _ranges(id_ + base for id_ in removed))


def read_page(connection: sqlite3.Connection, span: Span, *, base: int, count: int, size: int) -> Page:
    """The oldest rows of a span, as many as ``count`` and ``size`` bytes allow, but at least one."""
    page, read, bad = Page(), 0, []
    for row in connection.execute(_PAGE, (span.after, span.until, count)):
        read += row[2]
        if page.last_row and read > size:
            break
        page.last_row = row[0]
        try:
            page.owed.append(_owed_of(row, base))
        except (TypeError, ValueError):
            page.unreadable.add(_worth(row[1]), row[2])
            bad.append(row[0])
    connection.executemany(_DELETE, _ranges(bad))
    return page


def delete_oldest(connection: sqlite3.Connection, worth: Worth, size: int, span: Span) -> tuple[Amount, int]:
    """Delete the oldest rows of a worth, at least ``size`` bytes of them: what went, and the last row."""
    gone, rows = Amount(), []
    for row, row_size in connection.execute(_OLDEST, (span.after, span.until, int(worth))):
        rows.append(row)
        gone.add(worth, row_size)
        if gone.bytes[worth] >= size:
            break
    connection.executemany(_DELETE, _ranges(rows))
    return gone, rows[-1] if rows else span.until


def _row_of(owed: Owed, base: int) -> tuple[Any, ...]:
    message, made = owed.message, owed.made
    return (
        owed.id + base, int(message.worth), owed.size, made.wall_ns, made.boottime_ns, made.kernel_boot,
        made.synced, message.retain, message.topic, message.correlation, message.payload,
    )  # fmt: skip


def _owed_of(row: Sequence[Any], base: int) -> Owed:
    id_, worth, size, wall_ns, boottime_ns, kernel_boot, synced, retain, topic, correlation, payload = row
    if not (isinstance(topic, str) and isinstance(payload, bytes) and isinstance(correlation, bytes)):
        raise TypeError("a row of the outbox that edged did not write")
    message = Message(topic, payload, qos=1, retain=bool(retain), worth=Worth(worth), correlation=correlation)
    made = Moment(wall_ns, boottime_ns, kernel_boot, None if synced is None else bool(synced))
    return Owed(id_ - base, message, made, size)


def _worth(value: int) -> Worth:
    return Worth(value) if value in set(Worth) else Worth.RESULT


def _ranges(rows: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Neighbours as one range each: acknowledgements come in order."""
    ordered = sorted(rows)
    if not ordered:
        return
    first = ordered[0]
    for one, following in pairwise(ordered):
        if following > one + 1:
            yield first, one
            first = following
    yield first, ordered[-1]
