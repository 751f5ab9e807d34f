"""A desk on a real database, with a device behind it that only notes what it is told to do."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from edged.control.commands.answers import Answers
from edged.control.commands.context import Context
from edged.control.commands.desk import CommandDesk
from edged.control.commands.entry import SCHEMA
from edged.control.commands.journal import Journal
from edged.control.commands.request import CommandFailed
from edged.control.commands.table import TABLE, WITHOUT_EFFECT, Command
from edged.model.probe import ProbeReport
from edged.mqtt.message import Received, Worth
from edged.mqtt.topics import Topics
from edged.storage.database import Database

ROOT = "edged/v1/box"
SPEC = {
    "sources": {"gate": {"url": "rtsp://admin:pass@10.0.0.5/1"}, "yard": {"url": "y.mp4", "enabled": False}},
    "jobs": {"people": {"algorithm": "motion"}},
}


@dataclass
class Effects:
    """Plays twin, device, snapshots, prober and facts; everything that it was told stands in `said`."""

    said: list[tuple[Any, ...]] = field(default_factory=list)
    spec: Mapping[str, Any] = field(default_factory=lambda: SPEC)
    revision: int = 7
    local: int = 2
    origin: Literal["file", "mqtt"] = "mqtt"
    probed: ProbeReport = field(default_factory=lambda: ProbeReport("rtsp://cam/1", codec="h264", width=640))
    log_lines: list[str] = field(default_factory=lambda: ["one", "two", "three"])

    def effective(self) -> Mapping[str, Any]:
        return self.spec

    async def validate(self, spec: Mapping[str, Any]) -> Mapping[str, Any]:
        self.said.append(("validate", spec))
        return {}

    async def patch(
        self,
        *,
        merge: Mapping[str, Any] | None = None,
        ops: Sequence[Any] | None = None,
        expect_local: int | None = None,
    ) -> Mapping[str, Any]:
        self.said.append(("patch", merge if merge is not None else ops, expect_local))
        return {"local": 3}

    resuming: Awaitable[Mapping[str, Any]] | None = None

    def resumed(self) -> Awaitable[Mapping[str, Any]] | None:
        return self.resuming

    def restart_source(self, name: str) -> None:
        self.said.append(("restart source", name))

    def restart_job(self, name: str) -> None:
        if name not in self.spec["jobs"]:
            raise CommandFailed("not_found", f"there is no job {name}")
        self.said.append(("restart job", name))

    def restart_worker(self, name: str) -> None:
        self.said.append(("restart worker", name))

    async def take(
        self, source: str, job: str | None, quality: int, max_width: int | None
    ) -> Mapping[str, Any]:
        self.said.append(("snapshot", source, job, quality, max_width))
        return {"bytes": 10}

    async def record(self, source: str, before_s: float, after_s: float) -> Mapping[str, Any]:
        self.said.append(("record", source, before_s, after_s))
        return {"bytes": 10}

    async def listing(self, source: str | None, limit: int) -> Mapping[str, Any]:
        self.said.append(("listing", source, limit))
        return {"recordings": []}

    async def probe(self, url: str, timeout_s: float) -> ProbeReport:
        self.said.append(("probe", url, timeout_s))
        return self.probed

    def info(self) -> Mapping[str, Any]:
        return {"version": "1"}

    def stats(self) -> Mapping[str, Any]:
        return {"health": {}}

    def logs(self, lines: int) -> Sequence[str]:
        return self.log_lines[-lines:]

    def rebirth(self) -> None:
        self.said.append(("rebirth",))

    def order_restart(self) -> None:
        self.said.append(("order restart",))

    @property
    def context(self) -> Context:
        return Context(self, self, self, self, self, self.rebirth, self.order_restart, self, self)


@dataclass(frozen=True)
class Sent:
    """One answer on its way out."""

    topic: str
    payload: bytes
    correlation: bytes = b""

    @property
    def answer(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.payload)
        return content


class Post:
    """A `Publisher` and an `AnswerSink` that note what they were given."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.changed = asyncio.Event()

    def publish(self, topic: str, payload: bytes, qos: int, worth: Worth = Worth.RESULT) -> None:
        assert (qos, worth) == (1, Worth.ANSWER)
        self.answer(topic, payload, b"")

    def retain(self, topic: str, payload: bytes, *, again: bool = False) -> None:
        raise AssertionError("answers are not retained")

    def answer(self, topic: str, payload: bytes, correlation: bytes) -> None:
        self.sent.append(Sent(topic, payload, correlation))
        self.changed.set()

    async def until(self, count: int, within_s: float = 60.0) -> list[Sent]:
        """Waits until so many answers were sent; returns all of them."""
        async with asyncio.timeout(within_s):
            while len(self.sent) < count:
                self.changed.clear()
                await self.changed.wait()
        return self.sent


class Rig:
    """A desk that is open."""

    def __init__(self, desk: CommandDesk, post: Post, effects: Effects, database: Database) -> None:
        self.desk = desk
        self.post = post
        self.effects = effects
        self.database = database
        self.acknowledged: list[int] = []
        self._numbers = itertools.count(1)

    async def send(
        self,
        op: str,
        payload: object = None,
        *,
        on_acknowledge: Callable[[], None] | None = None,
        **more: Any,
    ) -> int:
        """Hand it a message, dictionaries as JSON; its number in `acknowledged`."""
        number = next(self._numbers)

        def acknowledge() -> None:
            self.acknowledged.append(number)
            if on_acknowledge is not None:
                on_acknowledge()

        content = payload if isinstance(payload, bytes) else json.dumps(payload or {}).encode()
        await self.desk.receive(Received(f"{ROOT}/cmd/{op}", content, acknowledge=acknowledge, **more), op)
        return number

    async def ask(self, op: str, payload: object = None, **more: Any) -> dict[str, Any]:
        """Send it and wait for the next answer."""
        before = len(self.post.sent)
        await self.send(op, payload, **more)
        return (await self.post.until(before + 1))[before].answer


@contextlib.asynccontextmanager
async def rig(
    path: Path | None = None,
    *,
    table: Mapping[str, Command] = TABLE,
    effects: Effects | None = None,
    most_ids: int = 20_000,
) -> AsyncIterator[Rig]:
    """A desk on the database at ``path``, or in memory; left as a crash would leave it, but for the lock."""
    told = effects or Effects()
    database = Database(path, SCHEMA)
    database.start()
    post = Post()
    journal = Journal(database, without_effect=WITHOUT_EFFECT, most_ids=most_ids)
    answers = Answers(Topics("edged/v1", "box"), post, post, lambda: told.revision)
    desk = CommandDesk(told.context, journal, answers, table=table)
    try:
        await desk.start()
        yield Rig(desk, post, told, database)
    finally:
        await database.stop()
