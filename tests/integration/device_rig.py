"""A device with real captures, workers and provers; what it publishes is noted instead of sent."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from edged.app.processes import TABLE
from edged.control.device import Device, Identity
from edged.control.views import JobView, SourceView
from edged.mqtt.message import Worth
from edged.mqtt.topics import Topics
from edged.planning.plan import Plan, make_plan
from edged.settings import parse_settings
from edged.supervise.process import ChildOwner, ProcessKind
from edged.supervise.supervisor import Supervisor
from tests.stopwatch import HANGS_S

ALGORITHMS = Path(__file__).resolve().parent.parent / "algorithms"
PATTERN = {"url": "pattern://testsrc2?size=64x48&rate=20"}


class Recorder:
    """A `Publisher`: everything in order, by topic below the device's root."""

    def __init__(self, root: str) -> None:
        self.said: dict[str, list[bytes]] = {}
        self.worths: dict[str, Worth] = {}
        self.changed = asyncio.Event()
        self._root = root

    def publish(self, topic: str, payload: bytes, qos: int, worth: Worth = Worth.RESULT) -> None:
        self.retain(topic, payload)
        self.worths[topic.removeprefix(f"{self._root}/")] = worth

    def retain(self, topic: str, payload: bytes, *, again: bool = False) -> None:
        self.said.setdefault(topic.removeprefix(f"{self._root}/"), []).append(payload)
        self.changed.set()


class NotedSupervisor(Supervisor):
    """Notes the names of what was started."""

    def __init__(self) -> None:
        super().__init__(log_level="ERROR")
        self.started: list[str] = []

    def start(self, name: str, kind: ProcessKind, owner: ChildOwner, *, stagger: bool = True) -> None:
        self.started.append(name)
        super().start(name, kind, owner, stagger=stagger)

    @property
    def provers(self) -> int:
        """How many were started so far."""
        return sum(name.startswith("prover") for name in self.started)


class Rig:
    """A `Device` that takes specs as users write them."""

    def __init__(self, *, algorithms: Path = ALGORITHMS) -> None:
        self.models: tuple[str, ...] = ()
        """Folders."""
        self.supervisor = NotedSupervisor()
        self.publisher = Recorder("edged/v1/box")
        self._algorithms = str(algorithms)
        kinds = {kind.name: kind for kind in TABLE}
        self.device = Device(
            Identity("box", "boot"), self.supervisor, kinds, self.publisher, Topics("edged/v1", "box")
        )
        self.device.on_change = self.publisher.changed.set

    def apply(
        self,
        sources: dict[str, Any],
        jobs: dict[str, Any],
        outputs: dict[str, Any] | None = None,
        *,
        afresh: bool = True,
    ) -> None:
        """As at SIGHUP."""
        self.device.apply(self.plan(sources, jobs, outputs), afresh=afresh)

    def change(self, sources: dict[str, Any], jobs: dict[str, Any]) -> None:
        """As over MQTT, where all that is new was proved elsewhere before."""
        plan = self.plan(sources, jobs)
        self.device.apply(plan, proved=self.device.unproved(plan))

    def plan(
        self,
        sources: dict[str, Any],
        jobs: dict[str, Any],
        outputs: dict[str, Any] | None = None,
        **live: Any,
    ) -> Plan:
        settings = {
            "device": "box",
            "algorithms": [self._algorithms],
            "models": list(self.models),
            "live": {"rtsp_port": 0, "http_port": 0, **live},
            "spec": {"sources": sources, "jobs": jobs, "outputs": outputs or {}},
        }
        loaded = parse_settings(json.dumps(settings), file="edged.yaml", folder=self._algorithms_folder)
        return make_plan(loaded, self._algorithms_folder)

    def job(self, name: str) -> JobView:
        view = self.device.job_view(name)
        assert view is not None
        return view

    def source(self, name: str) -> SourceView:
        view = self.device.source_view(name)
        assert view is not None
        return view

    @property
    def _algorithms_folder(self) -> Path:
        return Path(self._algorithms)

    def count(self, topic: str) -> int:
        return len(self.publisher.said.get(topic, ()))

    def all(self, topic: str, since: int = 0) -> list[Any]:
        """The payloads on a topic from the one numbered ``since`` on; None for one that clears it."""
        payloads = self.publisher.said.get(topic, [])[since:]
        return [json.loads(payload) if payload else None for payload in payloads]

    async def until(self, holds: Callable[[], bool], within_s: float = HANGS_S) -> None:
        async with asyncio.timeout(within_s):
            while not holds():
                self.publisher.changed.clear()
                await self.publisher.changed.wait()

    async def results(self, job: str, source: str, more: int = 1) -> list[Any]:
        """Waits for that many more, and returns all that came since the call."""
        topic = f"job/{job}/{source}/result"
        since = self.count(topic)
        await self.until(lambda: self.count(topic) >= since + more)
        return self.all(topic, since)

    async def state(self, topic: str, state: str) -> dict[str, Any]:
        """Waits until the newest status on ``topic`` has this state."""

        def newest() -> dict[str, Any]:
            return (self.all(f"{topic}/status") or [None])[-1] or {}

        await self.until(lambda: newest().get("state") == state)
        return newest()


@contextlib.asynccontextmanager
async def rig(*, algorithms: Path = ALGORITHMS) -> AsyncIterator[Rig]:
    """Ticks; ends all children at the end."""
    made = Rig(algorithms=algorithms)
    ticking = asyncio.create_task(made.supervisor.run())
    try:
        yield made
        assert not ticking.done(), ticking.exception()
    finally:
        ticking.cancel()
        made.supervisor.kill_all()
        await made.supervisor.stop_all(up_to=99)
        for source in made.device.sources.values():
            source.desk.close()  # main's end closes them
