"""A durable outbox over a real file, driven step by step from a test without a running loop."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

from edged.mqtt.durable import OUTBOX_SCHEMA, DurableOutbox
from edged.mqtt.message import Message, Worth
from edged.mqtt.outbox import Entry
from edged.storage.database import Database
from tests.clocks import SetClock

ROOMY_BYTES = 64 << 20


def message(number: int, worth: Worth = Worth.EVENT, size: int = 20) -> Message:
    return Message("t/event", str(number).encode().ljust(size), qos=1, worth=worth)


def number_of(entry: Entry) -> int:
    return int(entry.message.payload)


class DurableRig:
    """One run of the outbox; `close` as a daemon does at its end, or leave it and open a copy: a crash."""

    def __init__(self, folder: Path, limit_bytes: int = ROOMY_BYTES, clock: SetClock | None = None) -> None:
        self.path = folder / "edged.db"
        self.clock = clock or SetClock()
        self.loop = asyncio.new_event_loop()
        self.database = self.make_database()
        self.outbox = DurableOutbox(self.database, limit_bytes=limit_bytes, clock=self.clock)
        self.news = 0
        self.outbox.on_news(self._count_news)
        self.loop.run_until_complete(self._start())

    def make_database(self) -> Database:
        return Database(self.path, OUTBOX_SCHEMA)

    def append(self, *messages: Message) -> None:
        async def append() -> None:
            for one in messages:
                self.outbox.append(one)

        self.loop.run_until_complete(append())

    def send(self) -> Entry | None:
        async def send() -> Entry | None:
            entry = self.outbox.peek()
            if entry is not None:
                self.outbox.sent(entry)
            return entry

        return self.loop.run_until_complete(send())

    def ack(self, entry: Entry) -> None:
        async def ack() -> None:
            self.outbox.acked(entry)

        self.loop.run_until_complete(ack())

    def rewind(self) -> None:
        async def rewind() -> None:
            self.outbox.rewind()

        self.loop.run_until_complete(rewind())

    def settle(self) -> None:
        """All that is under way with the disk is done, and what that led to."""

        async def settle() -> None:
            await asyncio.sleep(0)
            while self.database.waiting:
                await self.database.background(lambda: None)
                await asyncio.sleep(0)

        self.loop.run_until_complete(settle())

    def drain(self) -> list[int]:
        """Send and acknowledge everything there is."""
        numbers = []
        self.settle()
        while self.outbox.depth:
            entry = self.send()
            if entry is None:
                self.settle()
                continue
            numbers.append(number_of(entry))
            self.ack(entry)
        self.settle()
        return numbers

    def copy(self, to: Path) -> None:
        """The files as they are on the disk after all that was appended."""
        self.settle()

        def copy() -> None:
            shutil.rmtree(to, ignore_errors=True)
            to.mkdir(parents=True)
            for file in self.path.parent.glob(f"{self.path.name}*"):
                shutil.copy(file, to)

        self.loop.run_until_complete(self.database.background(copy))

    def close(self) -> None:
        self.loop.run_until_complete(self.database.stop())
        for _ in range(3):
            self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.close()

    async def _start(self) -> None:
        self.database.start()
        self.outbox.start()

    def _count_news(self) -> None:
        self.news += 1
