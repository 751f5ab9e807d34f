"""Which commands were seen within a day and what was answered, so that an id has its effect at most once.

All of it is in memory, where a repeated id is looked up; the database is read once, at the start, and
written before a command is acknowledged and before it is answered. While the disk refuses, memory alone
goes on: the promise then holds until the daemon ends.

The wall clock of a device may be wrong at boot. So an id lives for a day of the monotonic clock from when
this daemon first knew of it, less the time since it came where the wall clock's word for that can be true.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
import time
from collections.abc import Callable, Collection, Iterable
from itertools import islice

from edged.control.commands.entry import Entry, Row, delete_all_but, put_rows, read_entries
from edged.errors import EdgedError
from edged.mqtt.codec import encode_json
from edged.storage.database import Database

DAY_S = 86_400.0
MOST_IDS = 20_000
"""Kept at a time. Beyond it those of commands without effect are forgotten, oldest first; else `busy`."""
MOST_BYTES = 16 * 1024 * 1024
KEPT_WHOLE_BYTES = 2 * 1024 * 1024
"""Of answers; beyond it the oldest lose their ``data``."""
_SMALL_BYTES = 512
_FORGOTTEN_AT_ONCE = 500
_LOOK_AGAIN_S = 10.0
_CLEAN_EVERY_S = 3600.0
_START_S = 10.0
_BEFORE_US_NS = 1_704_067_200_000_000_000
"""The year 2024: a clock that says less was not set yet."""
_TROUBLED_S = 0.1
"""What a disk in trouble is still waited for."""

log = logging.getLogger("edged.commands")


class Journal:
    """Used from the loop's thread only."""

    def __init__(
        self,
        database: Database,
        *,
        without_effect: Collection[str] = (),
        most_ids: int = MOST_IDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``without_effect`` are ops whose ids may be forgotten early: running them again does no harm."""
        self._database = database
        self._without_effect = without_effect
        self._most_ids = most_ids
        self._clock = clock
        self._entries: dict[str, Entry] = {}
        self._bytes = 0
        self._whole: dict[str, int] = {}
        """Answers that may lose their ``data``, oldest first, and their sizes."""
        self._whole_bytes = 0
        self._gone: set[str] = set()
        """Forgotten, and on the disk until the next write."""
        self._owed: dict[str, Row] = {}
        """What the disk refused."""
        self._clean_at_s = self._full_until_s = 0.0
        self._is_in_trouble = False
        self._set_aside = 0

    async def start(self) -> list[Entry]:
        """Read what an earlier daemon left; the entries that it did not answer, oldest first."""
        self._set_aside = self._database.set_aside
        reading = self._database.read(lambda connection: read_entries(connection, self._most_ids))
        try:
            entries = await asyncio.wait_for(reading, _START_S)
        except (EdgedError, sqlite3.Error, TimeoutError) as error:
            self._complain(error)
            return []
        now_s, wall_ns = self._clock(), time.time_ns()
        for entry in entries:
            entry.forget_at_s = now_s + remaining_s(entry.received_ns, wall_ns)
            self._keep(entry)
        await self._clean(now_s, _START_S)
        return [entry for entry in self._entries.values() if not entry.answer]

    def find(self, command_id: str) -> Entry | None:
        """What is known of an id; None: it was not seen within a day."""
        entry = self._entries.get(command_id)
        return None if entry is None or _is_over(entry, self._clock()) else entry

    def make_room(self) -> bool:
        """Whether one more id can be kept."""
        if self._has_room:
            return True
        now_s = self._clock()
        if now_s >= self._full_until_s:
            self._forget_some(now_s)
            self._full_until_s = 0.0 if self._has_room else now_s + _LOOK_AGAIN_S
        return self._has_room

    def open(self, entry: Entry) -> None:
        """Know an id from now on: `find` knew none, and `make_room` said yes."""
        self._drop(entry.id)
        entry.forget_at_s = self._clock() + DAY_S
        self._keep(entry)

    async def begin(self, entry: Entry, within_s: float) -> None:
        """Put an open entry on the disk: it is committed, or the disk refuses, when this returns."""
        await self._put([entry], within_s)
        now_s = self._clock()
        if now_s >= self._clean_at_s:
            await self._clean(now_s, within_s)

    async def finish(self, entry: Entry, answer: bytes, within_s: float) -> None:
        """Keep what a command is answered, before it is: committed, or the disk refuses."""
        self._set_answer(entry, answer)
        if len(answer) > _SMALL_BYTES:
            self._whole[entry.id] = len(answer)
            self._whole_bytes += len(answer)
        await self._put([*self._shorten(), entry], within_s)

    @property
    def _has_room(self) -> bool:
        return len(self._entries) < self._most_ids and self._bytes < MOST_BYTES

    def _forget_some(self, now_s: float) -> None:
        """Those whose day is over, else the oldest without effect; never one that still runs."""
        answered = [entry for entry in self._entries.values() if entry.answer]
        over = [entry.id for entry in answered if _is_over(entry, now_s)]
        harmless = (entry.id for entry in answered if entry.op in self._without_effect)
        for each in over or list(islice(harmless, _FORGOTTEN_AT_ONCE)):
            self._drop(each)
            self._gone.add(each)

    def _keep(self, entry: Entry) -> None:
        self._entries[entry.id] = entry
        self._bytes += entry.bytes
        if len(entry.answer) > _SMALL_BYTES:
            self._whole[entry.id] = len(entry.answer)
            self._whole_bytes += len(entry.answer)

    def _drop(self, command_id: str) -> None:
        entry = self._entries.pop(command_id, None)
        if entry is not None:
            self._bytes -= entry.bytes
            self._whole_bytes -= self._whole.pop(command_id, 0)

    def _set_answer(self, entry: Entry, answer: bytes) -> None:
        self._bytes += len(answer) - len(entry.answer)
        entry.answer = answer

    def _shorten(self) -> list[Entry]:
        """Take the ``data`` out of the oldest answers until the rest fits."""
        shortened = []
        while self._whole_bytes > KEPT_WHOLE_BYTES:
            oldest = next(iter(self._whole))
            self._whole_bytes -= self._whole.pop(oldest)
            entry = self._entries[oldest]
            self._set_answer(entry, without_data(entry.answer))
            shortened.append(entry)
        return shortened

    async def _clean(self, now_s: float, within_s: float) -> None:
        """Forget whose day is over. Only beside a command: an idle device writes nothing."""
        self._clean_at_s = now_s + _CLEAN_EVERY_S
        for entry in [entry for entry in self._entries.values() if _is_over(entry, now_s)]:
            self._drop(entry.id)
        kept = frozenset(self._entries)
        await self._write(lambda connection: delete_all_but(connection, kept), within_s)

    async def _put(self, entries: Iterable[Entry], within_s: float) -> None:
        """Write these, and whatever the disk refused before."""
        if self._database.set_aside != self._set_aside:  # the file is a new one
            self._set_aside = self._database.set_aside
            entries = self._entries.values()
        rows = self._owed | {entry.id: entry.row for entry in entries}
        gone = self._gone
        self._owed, self._gone = {}, set()
        if not await self._write(lambda connection: put_rows(connection, rows.values(), gone), within_s):
            self._owed = {known: row for known, row in (rows | self._owed).items() if known in self._entries}
            self._gone |= gone

    async def _write(self, work: Callable[[sqlite3.Connection], None], within_s: float) -> bool:
        """Wait for a commit, but not for ever; one that is late may still come, in its order."""
        limit_s = min(within_s, _TROUBLED_S) if self._is_in_trouble else within_s
        try:
            await asyncio.wait_for(asyncio.shield(self._database.write(work)), limit_s)
        except (EdgedError, sqlite3.Error, TimeoutError) as error:
            self._complain(error)
            return False
        self._is_in_trouble = False
        return True

    def _complain(self, error: Exception) -> None:
        if not self._is_in_trouble:
            reason = str(error) or "the disk does not answer"
            log.warning("ids of commands are kept in memory only, until the daemon ends: %s", reason)
        self._is_in_trouble = True


def remaining_s(received_ns: int, wall_ns: int) -> float:
    """How much of its day an id has left, by wall times; all of it when one of them cannot be right."""
    age_s = (wall_ns - received_ns) / 1e9
    return DAY_S if age_s < 0 or received_ns < _BEFORE_US_NS else max(0.0, DAY_S - age_s)


def without_data(answer: bytes) -> bytes:
    """The payload of an answer without its ``data``: id, status, code and message stay."""
    content = json.loads(answer)
    content.pop("data", None)
    return encode_json(content)


def _is_over(entry: Entry, now_s: float) -> bool:
    return bool(entry.answer) and now_s >= entry.forget_at_s
