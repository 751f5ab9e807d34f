"""What the tests of the MQTT client share: a client that runs, conditions with deadlines, a timed loop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from edged.mqtt.client import ConnectionState, MqttClient
from edged.mqtt.message import Message, Received
from edged.mqtt.options import MqttOptions, options_from_url
from edged.mqtt.subscription import Replay, Subscription
from tests.stopwatch import HANGS_S

STATE = "t/state"
LOOP_LIMIT_S = 0.2
"""A loop that waits for a peer stands still for seconds."""
WILL = Message(STATE, b"offline", qos=1, retain=True)


def options(port: int, **changes: Any) -> MqttOptions:
    """For a broker without TLS on loopback; quick to give up."""
    base = options_from_url(f"mqtt://127.0.0.1:{port}", device="gate")
    return replace(base, answer_timeout_s=2.0, dial_timeout_s=5.0, **changes)


def listening_to(*topics: str, replay: Replay = Replay.ALWAYS) -> tuple[Subscription, ...]:
    return tuple(Subscription(topic, replay=replay) for topic in topics)


def acknowledging(take: Callable[[Received], object]) -> Callable[[Received], None]:
    """Acknowledges each message as soon as it was taken."""

    def hear(message: Received) -> None:
        take(message)
        message.acknowledge()

    return hear


class Rig:
    """A client, and the states that it went through with the times."""

    def __init__(self, client_options: MqttOptions, memory_path: Path | None = None, **more: Any) -> None:
        self.states: list[tuple[float, ConnectionState]] = []
        self.client = MqttClient(
            client_options,
            will=WILL,
            on_state=lambda state: self.states.append((time.monotonic(), state)),
            memory_path=memory_path,
            **more,
        )

    def times(self, state: ConnectionState) -> list[float]:
        return [moment for moment, seen in self.states if seen is state]

    async def until_connected(self, deadline_s: float = HANGS_S) -> None:
        await until(lambda: self.client.connected, deadline_s)

    async def until_acknowledged(self, deadline_s: float = HANGS_S) -> None:
        await until(lambda: not (self.client.counters.queued or self.client.counters.in_flight), deadline_s)


async def until(condition: Callable[[], bool], deadline_s: float = HANGS_S) -> None:
    """Fails when the condition does not come true in time."""
    async with asyncio.timeout(deadline_s):
        while not condition():
            await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def running(rig: Rig) -> AsyncIterator[Rig]:
    """Its `run` as a task; ended without last words."""
    task = asyncio.create_task(rig.client.run())
    try:
        yield rig
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class LoopWatch:
    """The longest that the loop did nothing else, measured from within.

    Time in which a thread of the process was ready and got no core is left out: that is the machine's
    load, and one that holds the interpreter meanwhile keeps the loop's from running.
    """

    def __init__(self) -> None:
        self.longest_s = 0.0

    async def __aenter__(self) -> LoopWatch:
        # what many tests before left behind takes a collection longer to look through than the limit
        gc.collect()
        gc.freeze()
        self._task = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        gc.unfreeze()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _watch(self) -> None:
        while True:
            before_s, starved_ns = time.monotonic(), _starved_ns()
            await asyncio.sleep(0.005)
            gap_s = time.monotonic() - before_s - 0.005
            starved_s = sum(ns - starved_ns.get(thread, ns) for thread, ns in _starved_ns().items()) / 1e9
            self.longest_s = max(self.longest_s, gap_s - starved_s)


def _starved_ns() -> dict[str, int]:
    """How long each thread has waited for a core (proc(5), schedstat: run, wait, slices)."""
    found = {}
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):  # it ended
            found[task.name] = int((task / "schedstat").read_text().split()[1])
    return found
