"""The outbox on the disk: what survives, in which order, what goes when there is no room or no disk."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from edged.mqtt.durable import HEAD_COUNT, DurableOutbox
from edged.mqtt.durable_owed import size_of
from edged.mqtt.durable_rows import COUNTED_ROWS
from edged.mqtt.message import Message, Worth
from edged.mqtt.outbox import Outbox
from edged.storage.database import Database
from tests.clocks import DAY_NS, SECOND_NS, START_NS, SetClock
from tests.unit.mqtt.durable_rig import ROOMY_BYTES, DurableRig, message, number_of

SMALL = size_of(message(0))


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[DurableRig]:
    rig = DurableRig(tmp_path)
    rig.settle()
    yield rig
    rig.close()


def rows(rig: DurableRig) -> int:
    async def count() -> int:
        return await rig.database.read(lambda c: int(c.execute("SELECT count(*) FROM outbox").fetchone()[0]))

    return rig.loop.run_until_complete(count())


def test_it_is_an_outbox(rig: DurableRig) -> None:
    outbox: Outbox = rig.outbox
    assert outbox.peek() is None


def test_everything_of_a_message_survives_a_crash(tmp_path: Path) -> None:
    messages = [
        Message("t/résultat", b"\x00\xff", qos=1, retain=True, worth=Worth.EVENT),
        Message("answers/x", b"{}", qos=1, worth=Worth.ANSWER, correlation=b"\x01"),
        Message("t/empty", b"", qos=1),
        Message("t/large", bytes(300_000), qos=1),
    ]
    rig = DurableRig(tmp_path / "first")
    rig.append(*messages)
    rig.copy(tmp_path / "second")
    rig.close()
    again = DurableRig(tmp_path / "second")
    again.settle()
    assert again.outbox.depth == len(messages)
    assert again.outbox.bytes == sum(map(size_of, messages))
    entries = [again.send() for _ in messages]
    assert [entry.message for entry in entries if entry] == messages
    again.close()


def test_what_the_broker_acknowledged_first_is_never_written(rig: DurableRig) -> None:
    before = rig.path.with_name("edged.db-wal").stat().st_mtime_ns
    rig.append(*(message(number) for number in range(100)))
    for _ in range(100):
        entry = rig.send()
        assert entry is not None
        rig.ack(entry)
    rig.settle()
    assert rig.path.with_name("edged.db-wal").stat().st_mtime_ns == before
    assert (rig.outbox.depth, rig.outbox.bytes, rig.outbox.dropped) == (0, 0, 0)


def test_acknowledged_rows_go_off_the_disk(rig: DurableRig) -> None:
    rig.append(*(message(number) for number in range(1000)))
    rig.settle()
    assert rows(rig) == 1000
    assert rig.drain() == list(range(1000))
    assert rows(rig) == 0
    assert rig.outbox.bytes == 0


def test_a_long_backlog_stays_on_the_disk_and_comes_in_order(rig: DurableRig) -> None:
    for first in range(0, 5000, 500):
        rig.append(*(message(number) for number in range(first, first + 500)))
        rig.settle()
    assert rig.outbox.depth == 5000
    assert len(list(rig.outbox.in_hand())) == HEAD_COUNT
    numbers = []
    for number in range(5000):  # while new ones come
        entry = rig.send()
        if entry is None:
            news = rig.news
            rig.settle()
            assert rig.news > news, "nobody said that there is something again"
            entry = rig.send()
        assert entry is not None
        numbers.append(number_of(entry))
        rig.ack(entry)
        if number % 10 == 0:
            rig.append(message(5000 + number // 10))
    assert numbers + rig.drain() == list(range(5500))


def test_what_an_earlier_run_left_comes_before_what_is_new(tmp_path: Path) -> None:
    rig = DurableRig(tmp_path)
    rig.append(*(message(number) for number in range(600)))
    rig.close()
    for start in (600, 610):
        rig = DurableRig(tmp_path)
        rig.append(*(message(number) for number in range(start, start + 10)))
        assert rig.send() is None
        rig.settle()
        assert rig.outbox.depth == start + 10
        rig.close()
    rig = DurableRig(tmp_path)
    rig.settle()
    entries = [rig.send() for _ in range(2)]
    assert [entry.id for entry in entries if entry] == [-619, -618]
    rig.rewind()
    assert rig.drain() == list(range(620))
    rig.append(message(620))
    entry = rig.send()
    assert entry is not None
    assert entry.id == 1
    rig.close()


def test_more_rows_than_are_counted_at_once(tmp_path: Path) -> None:
    rig = DurableRig(tmp_path)
    count = COUNTED_ROWS + 10
    rig.append(*(message(number, Worth(number % 3 + 1)) for number in range(count)))
    rig.close()
    rig = DurableRig(tmp_path)
    rig.settle()
    assert rig.outbox.depth == count
    assert rig.outbox.bytes == count * SMALL
    rig.close()


# ---- no room ----


def test_results_go_first_then_answers_then_events_the_oldest_of_each(tmp_path: Path) -> None:
    room = 800
    rig = DurableRig(tmp_path, limit_bytes=room * SMALL)
    rig.settle()
    rig.append(*(message(number, Worth.RESULT) for number in range(500)))
    assert rig.outbox.drops == {Worth.RESULT: 100, Worth.ANSWER: 0, Worth.EVENT: 0}
    rig.append(*(message(number, Worth.ANSWER) for number in range(500, 650)))
    assert rig.outbox.drops[Worth.ANSWER] == 50
    for number in range(650, 1650):
        rig.append(message(number, Worth.EVENT))
        if number % 50 == 0:
            rig.settle()
    rig.settle()
    assert rig.outbox.drops == {Worth.RESULT: 500, Worth.ANSWER: 50, Worth.EVENT: 300}
    assert rig.outbox.dropped == 850
    assert rig.outbox.bytes == room * SMALL
    assert rows(rig) == room
    assert rig.drain() == [*range(550, 650), *range(950, 1650)]
    rig.close()


def test_what_is_in_flight_is_never_dropped(tmp_path: Path) -> None:
    rig = DurableRig(tmp_path, limit_bytes=80 * SMALL)
    rig.settle()
    rig.append(*(message(number) for number in range(20)))
    for _ in range(20):
        rig.send()
    rig.append(*(message(number) for number in range(20, 200)))
    rig.settle()
    assert rig.outbox.drops[Worth.EVENT] == 130
    rig.rewind()
    rig.settle()
    assert rig.drain() == [*range(20), *range(150, 200)]
    rig.close()


# ---- too old ----


def test_what_is_too_old_is_dropped_and_counted(tmp_path: Path) -> None:
    clock = SetClock()
    rig = DurableRig(tmp_path, clock=clock)
    rig.append(*(message(number, Worth.RESULT) for number in range(400)))
    rig.append(*(message(number, Worth.EVENT) for number in range(400, 410)))
    clock.pass_by(2 * DAY_NS)
    rig.append(message(410, Worth.RESULT))
    rig.settle()
    assert rig.outbox.oldest_s == 2 * 86_400
    rig.close()
    clock.reboot("second")
    rig = DurableRig(tmp_path, clock=clock)
    assert rig.drain() == list(range(400, 411))
    assert rig.outbox.drops == {Worth.RESULT: 400, Worth.ANSWER: 0, Worth.EVENT: 0}
    rig.close()


def test_nothing_is_too_old_while_the_clock_is_not_trusted(tmp_path: Path) -> None:
    clock = SetClock()
    rig = DurableRig(tmp_path, clock=clock)
    rig.append(message(0, Worth.RESULT))
    rig.close()
    clock.reboot("second")
    clock.wall += 1000 * DAY_NS
    clock.synced = False
    rig = DurableRig(tmp_path, clock=clock)
    assert rig.drain() == [0]
    rig.close()


# ---- the wall clock ----


def test_times_are_put_right_or_marked_when_they_are_handed_out(tmp_path: Path) -> None:
    clock = SetClock(wall=0, synced=False)
    event = Message("t/event", b'{"time":"1970-01-01T00:00:00.000Z"}', qos=1, worth=Worth.EVENT)
    rig = DurableRig(tmp_path, clock=clock)
    rig.settle()
    rig.append(event)
    clock.pass_by(SECOND_NS)
    clock.wall, clock.synced = START_NS, True

    def handed_out(rig: DurableRig) -> bytes:
        rig.settle()
        entry = rig.send()
        assert entry is not None
        rig.rewind()
        return entry.message.payload

    assert handed_out(rig) == b'{"time":"2026-11-20T08:59:59.000Z"}'
    rig.close()
    rig = DurableRig(tmp_path, clock=clock)  # the daemon was restarted, not the machine
    assert handed_out(rig) == b'{"time":"2026-11-20T08:59:59.000Z"}'
    rig.close()
    clock.reboot("second")
    rig = DurableRig(tmp_path, clock=clock)
    assert handed_out(rig) == b'{"clock":"unsynced","time":"1970-01-01T00:00:00.000Z"}'
    rig.close()


# ---- no disk ----


def test_it_runs_on_in_bounded_memory_while_the_disk_refuses_and_writes_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edged.mqtt.durable.MEMORY_BYTES", 80 * SMALL)
    monkeypatch.setattr("edged.mqtt.durable_shelf.RETRY_S", 0.01)
    monkeypatch.setattr("edged.storage.trouble._FIRST_DELAY_S", 0.01)
    earlier = DurableRig(tmp_path / "storage")
    earlier.append(*(message(number) for number in range(5)))
    earlier.close()
    (tmp_path / "storage").rename(tmp_path / "away")
    (tmp_path / "storage").write_text("in the way")

    rig = DurableRig(tmp_path / "storage")
    rig.append(*(message(number) for number in range(5, 105)))
    rig.settle()
    assert rig.outbox.drops[Worth.EVENT] == 30
    flying = rig.send()
    assert flying is not None
    assert number_of(flying) == 35
    (tmp_path / "storage").unlink()
    (tmp_path / "away").rename(tmp_path / "storage")

    async def until_it_is_found() -> None:
        async with asyncio.timeout(10):
            while rig.outbox.depth != 5 + 69:
                await asyncio.sleep(0.01)

    rig.loop.run_until_complete(until_it_is_found())
    rig.settle()
    assert rows(rig) == 5 + 70
    rig.ack(flying)
    assert rig.drain() == [*range(5), *range(36, 105)]
    assert rows(rig) == 0
    rig.close()


def test_a_disk_that_fills_up_costs_nothing_that_fits_into_memory(
    rig: DurableRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edged.mqtt.durable_shelf.RETRY_S", 0.01)
    monkeypatch.setattr("edged.storage.trouble._FIRST_DELAY_S", 0.2)

    async def full() -> None:
        await rig.database.read(lambda c: c.execute("PRAGMA max_page_count=20").fetchall())

    async def roomy_again() -> None:
        async with asyncio.timeout(10):
            while rig.database.trouble:
                await asyncio.sleep(0.01)

    rig.append(message(0))
    rig.loop.run_until_complete(full())
    rig.append(*(message(number, size=1000) for number in range(1, 1000)))
    rig.settle()
    assert "is full" in rig.database.trouble
    rig.append(message(1000))
    rig.loop.run_until_complete(roomy_again())
    rig.append(message(1001))
    rig.settle()
    assert rows(rig) == 1002
    assert rig.drain() == list(range(1002))
    assert rig.outbox.dropped == 0


def test_a_damaged_file_costs_what_was_on_it_alone_and_is_counted(rig: DurableRig, tmp_path: Path) -> None:
    for first in range(0, 2000, 500):
        rig.append(*(message(number, size=2000) for number in range(first, first + 500)))
        rig.settle()
    flying = rig.send()

    def shrink(connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA shrink_memory").fetchall()

    rig.loop.run_until_complete(rig.database.write(shrink))
    for file in (rig.path, rig.path.with_name("edged.db-wal")):
        with file.open("r+b") as content:
            content.seek(4096)
            content.write(b"\xa5" * (file.stat().st_size - 4096))
    rig.append(message(2000))
    rig.settle()
    assert rig.database.set_aside == 1
    lost = 2000 - HEAD_COUNT
    assert rig.outbox.drops == {Worth.RESULT: 0, Worth.ANSWER: 0, Worth.EVENT: lost}
    assert rows(rig) == HEAD_COUNT + 1, "what is in hand was written anew"
    rig.copy(tmp_path / "copy")
    again = DurableRig(tmp_path / "copy")
    assert again.drain() == [*range(HEAD_COUNT), 2000]
    again.close()
    assert flying is not None
    rig.ack(flying)
    assert rig.drain() == [*range(1, HEAD_COUNT), 2000]
    assert rig.outbox.bytes == 0


def test_rows_that_make_no_sense_are_dropped_alone(tmp_path: Path) -> None:
    rig = DurableRig(tmp_path)
    rig.append(*(message(number) for number in range(4)))
    rig.settle()

    def spoil(connection: sqlite3.Connection) -> None:
        connection.execute("UPDATE outbox SET topic = x'00ff' WHERE id = 2")
        connection.execute("UPDATE outbox SET worth = 9 WHERE id = 3")

    rig.loop.run_until_complete(rig.database.write(spoil))
    rig.close()
    rig = DurableRig(tmp_path)
    assert rig.drain() == [0, 3]
    assert rig.outbox.dropped == 2
    assert rows(rig) == 0
    rig.close()


def test_a_disk_that_hangs_costs_bounded_memory_and_no_order(
    rig: DurableRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    mend = threading.Event()

    async def live() -> None:
        hanging = asyncio.ensure_future(rig.database.background(lambda: mend.wait(30)))
        await asyncio.sleep(0)
        for number in range(2000):
            rig.outbox.append(message(number))
            await asyncio.sleep(0)
        mend.set()
        await hanging

    rig.loop.run_until_complete(live())
    assert rig.drain() == list(range(2000))


def test_without_a_disk_it_works_in_memory() -> None:
    async def live() -> list[bytes]:
        database = Database(None, ())
        outbox = DurableOutbox(database, limit_bytes=ROOMY_BYTES, clock=SetClock())
        database.start()
        outbox.start()
        for number in range(1000):
            outbox.append(message(number))
        payloads = []
        async with asyncio.timeout(10):
            while outbox.depth:
                entry = outbox.peek()
                if entry is None:
                    await asyncio.sleep(0.001)
                    continue
                outbox.sent(entry)
                outbox.acked(entry)
                payloads.append(entry.message.payload)
        await database.stop()
        return payloads

    assert [int(payload) for payload in asyncio.run(live())] == list(range(1000))
