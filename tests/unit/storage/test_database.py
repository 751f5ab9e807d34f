"""The database against real files: what is committed, in which order, and what trouble leads to."""

from __future__ import annotations

import asyncio
import logging
import shutil
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from edged.control.told_clips import LAG_S
from edged.errors import StorageError
from edged.storage.database import GROUP_WORKS, QUEUE_LIMIT, Database
from tests.stopwatch import HANGS_S

SCHEMA = ("CREATE TABLE IF NOT EXISTS lines (number INTEGER PRIMARY KEY, text TEXT NOT NULL)",)
Work = Callable[[sqlite3.Connection], None]


@asynccontextmanager
async def opened(
    path: Path | None, schema: Sequence[str] = SCHEMA, **more: object
) -> AsyncIterator[Database]:
    database = Database(path, schema, **more)  # type: ignore[arg-type]
    database.start()
    try:
        yield database
    finally:
        await database.stop()


def adding(number: int, text: str = "x") -> Work:
    return lambda connection: void(connection.execute("INSERT INTO lines VALUES (?, ?)", (number, text)))


def void(_: object) -> None: ...


def numbers(connection: sqlite3.Connection) -> list[int]:
    return [row[0] for row in connection.execute("SELECT number FROM lines ORDER BY number")]


def after_a_crash(path: Path) -> list[int]:
    """What a copy of the files holds, as they are on the disk at this moment."""
    copy = path.parent / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir()
    for file in path.parent.glob(f"{path.name}*"):
        shutil.copy(file, copy)
    connection = sqlite3.connect(copy / path.name)
    try:
        return numbers(connection)
    finally:
        connection.close()


def test_what_was_written_is_on_the_disk_with_all_before_it_when_write_returns(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "edged.db"

    async def live() -> None:
        async with opened(path) as database:
            told: list[StorageError | None] = []
            database.write_later(adding(1), told.append, within_s=3600)
            database.write_later(adding(2), told.append, within_s=3600)
            await database.write(adding(3))
            assert after_a_crash(path) == [1, 2, 3]
            assert told == [None, None]
            assert await database.read(numbers) == [1, 2, 3]
        async with opened(path) as database:
            assert await database.read(numbers) == [1, 2, 3]

    asyncio.run(live())


def test_what_may_wait_is_written_by_itself(tmp_path: Path) -> None:
    async def live() -> None:
        async with opened(tmp_path / "edged.db") as database:
            done = asyncio.Event()
            database.write_later(adding(1), lambda _error: done.set())
            await asyncio.wait_for(done.wait(), 10)
            assert after_a_crash(tmp_path / "edged.db") == [1]
            full_group = asyncio.Event()
            for number in range(GROUP_WORKS):
                database.write_later(adding(number + 2), lambda _error: full_group.set(), within_s=3600)
            await asyncio.wait_for(full_group.wait(), 10)

    asyncio.run(live())


def test_stop_commits_what_waits_and_what_is_asked_for_meanwhile(tmp_path: Path) -> None:
    async def live() -> None:
        database = Database(tmp_path / "edged.db", SCHEMA)
        database.write_later(adding(1), within_s=3600)  # before it starts is fine too
        database.start()
        database.write_later(
            adding(2), lambda _error: database.write_later(adding(3), within_s=3600), within_s=3600
        )
        await database.stop()
        with pytest.raises(StorageError, match="stopping"):
            await database.write(adding(4))
        async with opened(tmp_path / "edged.db") as again:
            assert await again.read(numbers) == [1, 2, 3]
        assert not list(tmp_path.glob("*-wal"))

    asyncio.run(live())


def test_stop_does_not_wait_for_a_disk_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edged.storage.database.STOP_S", 0.1)

    async def live() -> None:
        mend = threading.Event()
        database = Database(tmp_path / "edged.db", SCHEMA)
        database.start()
        hanging = asyncio.ensure_future(database.background(lambda: mend.wait(30)))
        await asyncio.sleep(0)
        waiting = asyncio.ensure_future(database.write(adding(1)))
        await asyncio.sleep(0)
        await database.stop()
        mend.set()
        for given_up in (hanging, waiting):
            with pytest.raises(StorageError, match="stopping"):
                await given_up

    asyncio.run(live())


def test_how_long_a_disk_that_says_nothing_keeps_works_waiting(tmp_path: Path) -> None:
    async def scenario() -> None:
        hangs, mend = threading.Event(), threading.Event()
        async with opened(tmp_path / "d.sqlite") as database:
            assert database.lag_s == 0.0
            hanging = asyncio.create_task(database.background(lambda: hangs.set() or mend.wait(HANGS_S)))
            await asyncio.to_thread(hangs.wait, HANGS_S)
            database.write_later(adding(1))
            async with asyncio.timeout(HANGS_S):
                while database.lag_s < LAG_S:
                    assert not database.trouble
                    await asyncio.sleep(0.05)
            mend.set()
            await hanging
            await database.write(adding(2))
            assert database.lag_s == 0.0

    asyncio.run(scenario())


def test_a_work_that_fails_spoils_no_other(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def half(connection: sqlite3.Connection) -> None:
        adding(5)(connection)
        raise KeyError("half way")

    async def live() -> None:
        async with opened(tmp_path / "edged.db") as database:
            told: list[StorageError | None] = []
            database.write_later(adding(1), told.append)
            database.write_later(adding(1), told.append)
            database.write_later(adding(2), told.append)
            with pytest.raises(KeyError):
                await database.write(half)
            with pytest.raises(sqlite3.IntegrityError):
                await database.write(adding(2))
            assert await database.read(numbers) == [1, 2]
            assert [error is None for error in told] == [True, False, True]
            assert database.trouble == ""

    asyncio.run(live())
    assert "UNIQUE constraint" in caplog.text


def test_blocking_work_keeps_its_place_in_the_order(tmp_path: Path) -> None:
    async def live() -> None:
        async with opened(tmp_path / "edged.db") as database:
            database.write_later(adding(1), within_s=3600)
            assert await database.background(lambda: after_a_crash(tmp_path / "edged.db")) == [1]
            with pytest.raises(ZeroDivisionError):
                await database.background(lambda: 1 // 0)

    asyncio.run(live())


def test_the_newest_is_refused_when_too_many_wait() -> None:
    async def live() -> None:
        database = Database(None, SCHEMA)
        told: list[StorageError | None] = []
        for number in range(QUEUE_LIMIT + 3):
            database.write_later(adding(number), told.append)
        assert len(told) == database.refused == 3
        assert "too slow" in str(told[0])
        database.start()
        await database.stop()
        assert told[3:] == [None] * QUEUE_LIMIT

    asyncio.run(live())


def test_reading_and_works_that_change_nothing_write_nothing(tmp_path: Path) -> None:
    path = tmp_path / "edged.db"

    async def live() -> None:
        async with opened(path) as database:
            await database.write(adding(1))
            before = {file: file.stat().st_mtime_ns for file in tmp_path.iterdir()}
            for _ in range(5):
                await database.read(numbers)
                done = asyncio.Event()
                database.write_later(lambda _connection: None, lambda _error, done=done: done.set())
                await asyncio.wait_for(done.wait(), 10)
            assert {file: file.stat().st_mtime_ns for file in tmp_path.iterdir()} == before

    asyncio.run(live())


# ---- trouble ----


def _no_database(path: Path) -> None:
    path.write_bytes(b"this is no database" * 1000)


def _of_another_program(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE lines (something TEXT)")
    connection.close()


def _overwritten(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2 :] = b"\xa5" * (len(content) - len(content) // 2)
    path.write_bytes(content)


def _cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _of_a_newer_edged(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version=99")
    connection.close()


@pytest.mark.parametrize(
    "damage", [_no_database, _of_another_program, _overwritten, _cut_short, _of_a_newer_edged]
)
def test_a_file_that_cannot_be_used_is_set_aside_and_only_the_newest_kept(
    tmp_path: Path, damage: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "edged.db"
    told: list[str] = []

    async def fill() -> None:
        async with opened(path) as database:
            for number in range(100):
                database.write_later(adding(number, "long" * 1000))

    async def live() -> None:
        async with opened(path, on_trouble=told.append) as database:
            await database.write(adding(1))
            assert await database.read(numbers) == [1]
            assert database.trouble == ""
            assert database.set_aside == 1

    for _ in range(2):
        path.unlink(missing_ok=True)
        if damage is not _of_another_program:
            asyncio.run(fill())
        damage(path)
        damaged = path.read_bytes()
        asyncio.run(live())
        assert (tmp_path / "edged.db.corrupt").read_bytes() == damaged
    assert sorted(file.name for file in tmp_path.iterdir()) == ["edged.db", "edged.db.corrupt", "edged.lock"]
    assert len(told) == 2
    assert all("set aside as" in text for text in told)
    assert caplog.text.count("set aside as") == 2


def test_damage_that_shows_while_it_runs_costs_no_work_that_waits(tmp_path: Path) -> None:
    path = tmp_path / "edged.db"

    async def live() -> None:
        async with opened(path) as database:
            await database.write(
                lambda connection: void([adding(n, "long" * 1000)(connection) for n in range(2000)])
            )
            await database.write(
                lambda connection: void(connection.execute("PRAGMA shrink_memory").fetchall())
            )
            for file in (path, path.with_name("edged.db-wal")):
                with file.open("r+b") as content:
                    size = file.stat().st_size
                    content.seek(4096)
                    content.write(b"\xa5" * (size - 4096))
            database.write_later(adding(7))
            assert await database.read(lambda connection: len(numbers(connection))) == 1
            assert database.set_aside == 1
            assert (tmp_path / "edged.db.corrupt").exists()
            assert await database.read(numbers) == [7]

    asyncio.run(live())


def test_a_full_disk_is_said_and_found_roomy_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """SQLite's own limit of pages; it holds until the file is opened again, which is the next try."""
    monkeypatch.setattr("edged.storage.trouble._FIRST_DELAY_S", 0.2)
    told: list[str] = []

    def fill(connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA max_page_count=20").fetchall()

    async def live() -> None:
        calm = asyncio.Event()

        def on_trouble(text: str) -> None:
            told.append(text)
            if not text:
                calm.set()

        async with opened(tmp_path / "edged.db", on_trouble=on_trouble) as database:
            await database.write(adding(1))
            await database.read(fill)
            with pytest.raises(StorageError, match="is full"):
                await database.write(adding(2, "long" * 100_000))
            with pytest.raises(StorageError, match="is full"):
                await database.write(adding(3))  # it is not even tried
            assert "is full" in database.trouble
            await asyncio.wait_for(calm.wait(), 10)  # by itself, without any work
            assert database.trouble == ""
            assert database.set_aside == 0
            await database.write(adding(2, "long" * 100_000))
            assert await database.read(numbers) == [1, 2]

    asyncio.run(live())
    assert [bool(text) for text in told] == [True, False]
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_a_folder_that_cannot_be_used_is_said_and_used_once_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file where the folder should be: root too is refused."""
    monkeypatch.setattr("edged.storage.trouble._FIRST_DELAY_S", 0.05)
    folder = tmp_path / "storage"
    folder.write_text("in the way")

    async def live() -> None:
        async with opened(folder / "edged.db") as database:
            with pytest.raises(StorageError, match=r"storage folder .*/storage cannot be used"):
                await database.write(adding(1))
            folder.unlink()
            async with asyncio.timeout(10):
                while database.trouble:
                    await asyncio.sleep(0.01)
            await database.write(adding(1))
            assert folder.is_dir()

    asyncio.run(live())


def test_two_never_share_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edged.storage.database_file._FIRST_LOCK_S", 0.0)
    monkeypatch.setattr("edged.storage.trouble._FIRST_DELAY_S", 0.05)

    async def live() -> None:
        async with opened(tmp_path / "edged.db") as first:
            await first.write(adding(1))
            async with opened(tmp_path / "edged.db") as second:
                with pytest.raises(StorageError, match="another edged"):
                    await second.read(numbers)
                with pytest.raises(StorageError, match="another edged"):
                    await second.background(lambda: None)
                await first.write(adding(2))
                await first.stop()
                async with asyncio.timeout(10):
                    while second.trouble:
                        await asyncio.sleep(0.01)
                assert await second.read(numbers) == [1, 2]

    asyncio.run(live())


def test_a_person_with_sqlite3_in_it_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edged.storage.trouble._FIRST_DELAY_S", 0.05)
    monkeypatch.setattr("edged.storage.database_file._FOREIGN_LOCK_S", 0.05)

    async def live() -> None:
        async with opened(tmp_path / "edged.db") as database:
            await database.write(adding(1))
        person = sqlite3.connect(tmp_path / "edged.db", isolation_level=None)
        person.execute("BEGIN IMMEDIATE")
        async with opened(tmp_path / "edged.db") as database:
            with pytest.raises(StorageError, match="another program"):
                await database.read(numbers)
            person.close()
            async with asyncio.timeout(10):
                while database.trouble:
                    await asyncio.sleep(0.01)
            assert await database.read(numbers) == [1]
            assert database.set_aside == 0

    asyncio.run(live())


def test_an_older_schema_is_brought_up_to_date_and_keeps_its_rows(tmp_path: Path) -> None:
    newer = ("CREATE TABLE IF NOT EXISTS lines (number INTEGER PRIMARY KEY, text TEXT NOT NULL, kind TEXT)",)
    migrations = [["ALTER TABLE lines ADD COLUMN kind TEXT"], ["UPDATE lines SET kind = 'old'"]]

    def kinds(connection: sqlite3.Connection) -> list[tuple[int, str | None]]:
        return connection.execute("SELECT number, kind FROM lines").fetchall()

    async def live() -> None:
        async with opened(tmp_path / "edged.db") as database:
            await database.write(adding(1))
        for _ in range(2):
            async with opened(tmp_path / "edged.db", newer, migrations=migrations) as database:
                assert await database.read(kinds) == [(1, "old")]
                assert database.set_aside == 0
        async with opened(tmp_path / "new.db", newer, migrations=migrations) as database:
            assert await database.read(kinds) == []

    asyncio.run(live())


def test_a_file_that_was_long_and_is_empty_gives_its_room_back(tmp_path: Path) -> None:
    path = tmp_path / "edged.db"

    async def live() -> None:
        async with opened(path) as database:
            await database.write(
                lambda connection: void([adding(n, "x" * 3000)(connection) for n in range(4000)])
            )
            for first in range(0, 4000, 100):
                await database.write(
                    lambda connection, first=first: void(
                        connection.execute(
                            "DELETE FROM lines WHERE number BETWEEN ? AND ?", (first, first + 99)
                        )
                    )
                )
        assert path.stat().st_size < 6_000_000

    asyncio.run(live())
