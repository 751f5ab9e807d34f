"""Ids within a day: over restarts, with wrong clocks, in bounds, without a disk."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.control.commands import journal as module
from edged.control.commands.entry import SCHEMA, Entry, Place
from edged.control.commands.journal import DAY_S, Journal, remaining_s, without_data
from edged.errors import StorageError
from edged.storage.database import Database

NOW_NS = 1_800_000_000 * 10**9
SOON_S = 10.0


class Clock:
    """Monotonic, and set by hand."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@contextlib.asynccontextmanager
async def journal(path: Path | None, **options: Any) -> AsyncIterator[tuple[Journal, list[Entry]]]:
    """One that is started, and what it found unanswered."""
    database = Database(path, SCHEMA)
    database.start()
    made = Journal(database, without_effect=("ping",), **options)
    try:
        yield made, await made.start()
    finally:
        await database.stop()


async def answer(made: Journal, command_id: str, payload: bytes = b'{"ok":1}', op: str = "pause") -> Entry:
    entry = Entry(command_id, op, time.time_ns(), place=Place("who/asked", b"\x00\xff"))
    assert made.make_room()
    made.open(entry)
    await made.begin(entry, SOON_S)
    await made.finish(entry, payload, SOON_S)
    return entry


def run(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(scenario())


def test_what_was_answered_is_known_after_a_restart_and_what_was_not_is_given_back(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with journal(tmp_path / "edged.db") as (first, unanswered):
            assert unanswered == []
            await answer(first, "a")
            running = Entry("b", "restart", time.time_ns(), ends_daemon=True, place=Place("x/y", b"\x01"))
            first.open(running)
            await first.begin(running, SOON_S)
        async with journal(tmp_path / "edged.db") as (second, unanswered):
            found = second.find("a")
            assert found is not None
            assert (found.answer, found.place) == (b'{"ok":1}', Place("who/asked", b"\x00\xff"))
            assert [(entry.id, entry.ends_daemon, entry.place) for entry in unanswered] == [
                ("b", True, Place("x/y", b"\x01"))
            ]

    run(scenario)


def test_a_day_later_an_id_is_forgotten_also_on_the_disk(tmp_path: Path) -> None:
    async def scenario() -> None:
        clock = Clock()
        async with journal(tmp_path / "edged.db", clock=clock) as (made, _):
            await answer(made, "old")
            clock.now_s += DAY_S - 1
            assert made.find("old") is not None
            clock.now_s += 2
            assert made.find("old") is None
            await answer(made, "new")
        async with journal(tmp_path / "edged.db") as (again, _):
            assert again.find("old") is None
            assert again.find("new") is not None

    run(scenario)


def test_an_id_that_comes_again_after_its_day_is_new(tmp_path: Path) -> None:
    async def scenario() -> None:
        clock = Clock()
        async with journal(None, clock=clock) as (made, _):
            await answer(made, "again", b'{"n":1}')
            clock.now_s += DAY_S + 1
            await answer(made, "again", b'{"n":2}')
            found = made.find("again")
            assert found is not None
            assert found.answer == b'{"n":2}'

    run(scenario)


def test_when_it_is_full_what_has_no_effect_is_forgotten_first_and_then_it_is_busy(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with journal(tmp_path / "edged.db", most_ids=3) as (made, _):
            for command_id, op in (("a", "pause"), ("b", "ping"), ("c", "pause"), ("d", "pause")):
                await answer(made, command_id, op=op)
            assert made.find("b") is None
            assert not made.make_room()
        async with journal(tmp_path / "edged.db") as (again, _):
            assert [again.find(command_id) is not None for command_id in "abcd"] == [True, False, True, True]

    run(scenario)


def test_a_journal_that_is_full_has_room_again_when_a_day_is_over() -> None:
    async def scenario() -> None:
        clock = Clock()
        async with journal(None, most_ids=1, clock=clock) as (made, _):
            await answer(made, "a")
            assert not made.make_room()
            clock.now_s += DAY_S
            assert made.make_room()

    run(scenario)


def test_old_answers_lose_their_data_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEPT_WHOLE_BYTES", 3000)
    large = {
        "id": "x",
        "op": "get",
        "status": "ok",
        "message": "m",
        "data": {"text": "t" * 1000},
        "revision": 3,
    }

    async def scenario() -> None:
        async with journal(tmp_path / "edged.db") as (made, _):
            for number in range(5):
                await answer(made, f"{number}", json.dumps(large).encode())
        async with journal(tmp_path / "edged.db") as (again, _):
            kept = [json.loads(entry.answer) for entry in map(again.find, "01234") if entry is not None]
            assert ["data" in each for each in kept] == [False, False, False, True, True]
            assert kept[0] == {key: value for key, value in large.items() if key != "data"}

    run(scenario)


def test_without_a_disk_it_goes_on_in_memory_and_says_so_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "edged.db").mkdir()  # no database can be there

    async def scenario() -> None:
        with caplog.at_level(logging.WARNING, logger="edged.commands"):
            async with journal(tmp_path / "edged.db") as (made, _):
                await answer(made, "a")
                await answer(made, "b")
                assert made.find("a") is not None

    run(scenario)
    assert len([line for line in caplog.messages if "kept in memory only" in line]) == 1


def raising_once(code: int, message: str) -> Callable[[sqlite3.Connection], None]:
    """A work that meets what SQLite would raise, the first time that it runs."""
    runs: list[int] = []

    def work(_connection: sqlite3.Connection) -> None:
        runs.append(code)
        if len(runs) == 1:
            error = sqlite3.DatabaseError(message)
            error.sqlite_errorcode = code
            raise error

    return work


def test_a_new_file_in_place_of_a_damaged_one_gets_all_that_is_known(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with journal(tmp_path / "edged.db") as (made, _):
            await answer(made, "a")
            await made._database.write(raising_once(sqlite3.SQLITE_CORRUPT, "malformed"))
            assert made._database.set_aside == 1
            await answer(made, "b")
        async with journal(tmp_path / "edged.db") as (again, _):
            assert [again.find(command_id) is not None for command_id in "ab"] == [True, True]

    run(scenario)


def test_what_the_disk_refused_is_written_when_it_is_well_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        async with journal(tmp_path / "edged.db") as (made, _):
            database = made._database
            with pytest.raises(StorageError):
                await database.write(raising_once(sqlite3.SQLITE_FULL, "full"))
            await answer(made, "a")
            assert "kept in memory only" in caplog.text
            async with asyncio.timeout(10):
                while database.trouble:
                    await asyncio.sleep(0.02)
            await answer(made, "b")
        async with journal(tmp_path / "edged.db") as (again, _):
            assert [again.find(command_id) is not None for command_id in "ab"] == [True, True]

    run(scenario)


@given(st.integers(0, 3 * NOW_NS), st.integers(0, 3 * NOW_NS))
def test_an_id_lives_a_day_at_most(received_ns: int, wall_ns: int) -> None:
    assert 0.0 <= remaining_s(received_ns, wall_ns) <= DAY_S


@pytest.mark.parametrize(
    ("received_ns", "wall_ns", "left_s"),
    [
        (NOW_NS, NOW_NS + 3600 * 10**9, DAY_S - 3600),
        (NOW_NS, NOW_NS + 2 * 86_400 * 10**9, 0.0),
        (NOW_NS, 10**9, DAY_S),  # this boot has no time yet
        (10**9, NOW_NS, DAY_S),  # that one had none
    ],
)
def test_clocks_that_were_not_set(received_ns: int, wall_ns: int, left_s: float) -> None:
    assert remaining_s(received_ns, wall_ns) == left_s


def test_an_answer_without_data_stays_as_it_is() -> None:
    assert without_data(b'{"id":"a","op":"ping","revision":1}') == b'{"id":"a","op":"ping","revision":1}'
