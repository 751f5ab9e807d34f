"""The outbox with a real broker and a real disk: killed, restarted, full."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from edged.mqtt.durable import OUTBOX_SCHEMA, DurableOutbox
from edged.mqtt.message import Message, Worth
from edged.storage.database import Database
from edged.storage.system_clock import SystemClock
from tests.integration.mqtt_rig import Rig, options, running, until
from tests.servers.kept_session import KeptSession
from tests.servers.lifetime import die_with_the_tests
from tests.servers.mosquitto import Mosquitto
from tests.servers.mqtt_peer import Subscriber

LOST_AT_MOST_S = 0.2
"""The contract's rule 5."""
BUSY_S = 0.3
"""On top of that, on a machine that runs other tests."""


class Victim:
    """Makes numbered events for as long as it is let; `kill` says which of them must arrive."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder = folder / "storage"
        self._port = port
        self.owed: list[int] = []

    @contextlib.contextmanager
    def living(self) -> Iterator[None]:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.outbox_victim", str(self._port), str(self._folder),
             str(self.made)],
            preexec_fn=die_with_the_tests,  # noqa: PLW1509 - one system call, no Python state
        )  # fmt: skip
        try:
            before = self.made
            self.let_it_make(before + 1)
            yield
        finally:
            killed_ns = time.monotonic_ns()
            process.kill()
            process.wait(10)
        self.owed += [
            number
            for number, made_ns in self.ledger()
            if number >= before and made_ns < killed_ns - (LOST_AT_MOST_S + BUSY_S) * 1e9
        ]

    @property
    def made(self) -> int:
        return len(self.ledger())

    def let_it_make(self, count: int) -> None:
        until_s = time.monotonic() + 20
        while self.made < count:
            assert time.monotonic() < until_s, "it makes no events"
            time.sleep(0.01)

    def ledger(self) -> list[tuple[int, int]]:
        with contextlib.suppress(FileNotFoundError):
            lines = self._folder.with_suffix(".ledger").read_text().splitlines()
            return [(int(line.split()[0]), int(line.split()[1])) for line in lines]
        return []


def test_kills_and_restarts_lose_nothing_that_is_older_than_the_last_moment(tmp_path: Path) -> None:
    with (
        Mosquitto(tmp_path / "broker", persistent=True, extra=["max_queued_messages 0"]) as broker,
        KeptSession(broker.port, "t/event") as session,
    ):
        victim = Victim(tmp_path, broker.port)
        with victim.living():  # killed with the broker away
            victim.let_it_make(100)
            broker.stop()
            victim.let_it_make(victim.made + 700)
        broker.start()
        with victim.living():  # killed while it catches up
            seen = len(session.heard)
            assert session.until(lambda: len(session.heard) > seen + 300)
        with victim.living():
            last = victim.made
            assert session.until(lambda: any(one.seq > last for one in session.heard[-100:]))
    first_heard = list(dict.fromkeys(one.seq for one in session.heard))
    assert first_heard == sorted(first_heard)
    assert len(victim.owed) > 200
    must_have_come = [number for number in victim.owed if number < last]
    assert not set(must_have_come) - set(first_heard)


def test_a_message_that_the_broker_shall_keep_and_one_that_it_refuses(tmp_path: Path) -> None:
    async def live(port: int) -> int:
        database = Database(tmp_path / "edged.db", OUTBOX_SCHEMA)
        outbox = DurableOutbox(database, limit_bytes=1 << 20, clock=SystemClock())
        rig = Rig(options(port), outbox=outbox)
        database.start()
        outbox.start()
        async with running(rig):
            await rig.until_connected()
            for payload, retain in ((b"kept", True), (bytes(3000), False), (b"last", False)):
                message = Message("t/event", payload, qos=1, retain=retain, worth=Worth.EVENT)
                assert rig.client.publish(message)
            await rig.until_acknowledged()
        await database.stop()
        return rig.client.counters.denied

    with Mosquitto(tmp_path / "broker", extra=["max_packet_size 2000"]) as broker:
        assert asyncio.run(live(broker.port)) == 1
        with Subscriber(broker.port) as subscriber:
            assert subscriber.wait_for(lambda: bool(subscriber.arrivals))
            assert [(one.payload, one.retain) for one in subscriber.arrivals] == [(b"kept", True)]


def test_a_burst_longer_than_memory_holds_goes_through_while_the_broker_is_slow_to_come(
    tmp_path: Path,
) -> None:
    count = 5000

    async def live(port: int) -> None:
        database = Database(tmp_path / "edged.db", OUTBOX_SCHEMA)
        outbox = DurableOutbox(database, limit_bytes=64 << 20, clock=SystemClock())
        rig = Rig(options(port), outbox=outbox)
        database.start()
        outbox.start()
        for number in range(count):
            rig.client.publish(Message("t/event", b"%d" % number, qos=1, worth=Worth.EVENT))
            if number % 500 == 0:
                await asyncio.sleep(0)
        async with running(rig):
            await until(lambda: outbox.depth == 0, 30)
            await rig.until_acknowledged()
        await database.stop()
        assert outbox.dropped == 0

    unlimited = ["max_queued_messages 0"]  # else the broker drops what this subscriber is too slow for
    with (
        Mosquitto(tmp_path / "broker", extra=unlimited) as broker,
        Subscriber(broker.port) as subscriber,
    ):
        asyncio.run(live(broker.port))
        assert subscriber.wait_for(lambda: len(subscriber.arrivals) == count)
        assert [int(one.payload) for one in subscriber.arrivals] == list(range(count))
