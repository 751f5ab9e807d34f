"""One command that was seen, and its row in the database."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from dataclasses import dataclass

SCHEMA = (
    """CREATE TABLE IF NOT EXISTS command (
        id TEXT PRIMARY KEY,
        op TEXT NOT NULL,
        received_ns INTEGER NOT NULL,
        ends_daemon INTEGER NOT NULL,
        response_topic TEXT NOT NULL,
        correlation BLOB NOT NULL,
        answer BLOB NOT NULL
    )""",
)
"""``received_ns`` is wall time; ``answer`` is the payload, empty while the command runs."""
Row = tuple[str, str, int, bool, str, bytes, bytes]


@dataclass(frozen=True, slots=True)
class Place:
    """Where an MQTT 5 request wants its answer, besides ``…/res/<op>``."""

    response_topic: str
    correlation: bytes = b""


@dataclass(slots=True)
class Entry:
    """One command. Without an id it is in no journal."""

    id: str
    op: str
    received_ns: int
    """Wall time."""
    ends_daemon: bool = False
    place: Place | None = None
    answer: bytes = b""
    """The payload; empty while it runs."""
    forget_at_s: float = 0.0
    """Monotonic."""

    @property
    def bytes(self) -> int:
        """About what it takes."""
        place = self.place
        return len(self.answer) + 4 * len(self.id) + (len(place.correlation) if place is not None else 0)

    @property
    def row(self) -> Row:
        place = self.place or Place("")
        return (
            self.id,
            self.op,
            self.received_ns,
            self.ends_daemon,
            place.response_topic,
            place.correlation,
            self.answer,
        )


def read_entries(connection: sqlite3.Connection, limit: int) -> list[Entry]:
    """The newest, oldest first."""
    query = (
        "SELECT id, op, received_ns, ends_daemon, response_topic, correlation, answer"
        " FROM command ORDER BY rowid DESC LIMIT ?"
    )
    return [
        Entry(id_, op, received_ns, bool(ends_daemon), Place(topic, correlation) if topic else None, answer)
        for id_, op, received_ns, ends_daemon, topic, correlation, answer in connection.execute(
            query, (limit,)
        )
    ][::-1]


def put_rows(connection: sqlite3.Connection, rows: Collection[Row], gone: Collection[str]) -> None:
    """Write these, delete those ids; a row that is there keeps its place in the order."""
    connection.executemany("DELETE FROM command WHERE id = ?", [(each,) for each in gone])
    connection.executemany(
        "INSERT INTO command VALUES (?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET answer = excluded.answer",
        rows,
    )


def delete_all_but(connection: sqlite3.Connection, kept: Collection[str]) -> None:
    gone = [row for row in connection.execute("SELECT id FROM command") if row[0] not in kept]
    connection.executemany("DELETE FROM command WHERE id = ?", gone)
