"""Real children that behave, hang, crash and are killed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from edged.supervise.channel import CONTROL, Packet
from edged.supervise.heartbeat import Heartbeat
from edged.supervise.process import ChildExit, ProcessKind
from edged.supervise.supervisor import Supervisor
from edged.supervise.wire import Decoder
from tests.children.odd_children import Hello, Manner

KIND = ProcessKind("odd", "tests.children.odd_children", "for tests", 20.0, 1.0, 1)
DECODER = Decoder((Hello,))


class Owner:
    """Sends a manner at each start and notes what comes back."""

    def __init__(self, supervisor: Supervisor, *manners: str) -> None:
        self.supervisor = supervisor
        self.manners = list(manners)
        self.hellos: list[int] = []
        self.deaths: list[ChildExit] = []
        self.changed = asyncio.Event()

    def on_start(self, name: str) -> None:
        manner = self.manners.pop(0) if len(self.manners) > 1 else self.manners[0]
        self.supervisor.send(name, Manner(manner))

    def on_packet(self, name: str, packet: Packet) -> None:
        if packet.kind != CONTROL:
            return
        hello = DECODER.decode(packet.body)
        assert isinstance(hello, Hello)
        self.hellos.append(hello.pid)
        self.changed.set()

    def on_exit(self, death: ChildExit, heartbeat: Heartbeat) -> None:
        self.deaths.append(death)
        self.changed.set()

    async def until(self, holds: Callable[[], bool], within_s: float = 60.0) -> None:
        async with asyncio.timeout(within_s):
            while not holds():
                self.changed.clear()
                await self.changed.wait()


@contextlib.asynccontextmanager
async def supervisor() -> AsyncIterator[Supervisor]:
    supervisor = Supervisor()
    ticking = asyncio.create_task(supervisor.run())
    try:
        yield supervisor
        assert not ticking.done(), ticking.exception()
    finally:
        ticking.cancel()
        supervisor.kill_all()
        await supervisor.stop_all(up_to=99)


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))


def test_a_killed_child_is_replaced_and_told_everything_again() -> None:
    async def scenario() -> None:
        async with supervisor() as sup:
            owner = Owner(sup, "good")
            sup.start("odd:1", KIND, owner)
            await owner.until(lambda: len(owner.hellos) == 1)
            os.kill(owner.hellos[0], signal.SIGKILL)
            await owner.until(lambda: len(owner.hellos) == 2)
            assert owner.deaths[0].code == -signal.SIGKILL
            assert owner.deaths[0].suspects == ()

    asyncio.run(scenario())


def test_a_hung_child_is_killed_at_its_deadline_and_says_what_it_hung_in() -> None:
    async def scenario() -> None:
        async with supervisor() as sup:
            owner = Owner(sup, "hang", "good")
            sup.start("odd:1", KIND, owner)
            await owner.until(lambda: len(owner.hellos) == 2)
            death = owner.deaths[0]
            assert death.overdue is not None
            assert [(suspect.job, suspect.source) for suspect in death.suspects] == [("counter", "gate")]
            assert "run of counter on gate" in death.reason

    asyncio.run(scenario())


def test_a_stopped_child_is_found_and_nobody_is_blamed() -> None:
    async def scenario() -> None:
        async with supervisor() as sup:
            owner = Owner(sup, "good")
            sup.start("odd:1", KIND, owner)
            await owner.until(lambda: len(owner.hellos) == 1)
            os.kill(owner.hellos[0], signal.SIGSTOP)
            await owner.until(lambda: len(owner.hellos) == 2)
            assert owner.deaths[0].stopped
            assert owner.deaths[0].suspects == ()

    asyncio.run(scenario())


def test_a_crash_is_blamed_on_the_job_that_ran() -> None:
    async def scenario() -> None:
        async with supervisor() as sup:
            owner = Owner(sup, "crash", "good")
            sup.start("odd:1", KIND, owner)
            await owner.until(lambda: len(owner.hellos) == 2)
            assert owner.deaths[0].code == -signal.SIGSEGV
            assert [suspect.job for suspect in owner.deaths[0].suspects] == ["counter"]

    asyncio.run(scenario())


def test_a_child_that_always_fails_is_not_restarted_in_a_hot_loop() -> None:
    async def scenario() -> None:
        async with supervisor() as sup:
            owner = Owner(sup, "bug")
            sup.start("odd:1", KIND, owner)
            started = time.monotonic()
            await owner.until(lambda: len(owner.deaths) == 3)
            assert all(death.code == 70 for death in owner.deaths)
            assert time.monotonic() - started > 0.1
            child = sup._children["odd:1"]
            assert child.backoff.attempts == 3

    asyncio.run(scenario())


def test_stop_waits_for_the_orderly_and_kills_the_deaf() -> None:
    async def scenario() -> None:
        async with supervisor() as sup:
            good, deaf = Owner(sup, "good"), Owner(sup, "deaf")
            sup.start("odd:good", KIND, good)
            sup.start("odd:deaf", KIND, deaf)
            await good.until(lambda: len(good.hellos) == 1)
            await deaf.until(lambda: len(deaf.hellos) == 1)
            await sup.stop_all(up_to=1)
            assert sup.pids() == {}
            assert good.hellos[-1] == 0, "what a child sent before it ended is delivered"
            assert good.deaths[0].code == 0
            assert deaf.deaths[0].code == -signal.SIGKILL
            assert not good.deaths[0].wanted

    asyncio.run(scenario())


def test_a_child_wanted_again_while_it_stops_comes_back() -> None:
    async def scenario() -> None:
        async with supervisor() as sup:
            owner = Owner(sup, "good")
            sup.start("odd:1", KIND, owner)
            await owner.until(lambda: len(owner.hellos) == 1)
            sup.stop("odd:1")
            sup.start("odd:1", KIND, owner)
            await owner.until(lambda: len([pid for pid in owner.hellos if pid]) == 2)

    asyncio.run(scenario())


def test_a_child_that_does_not_read_is_killed_not_waited_for() -> None:
    async def scenario() -> None:
        async with supervisor() as sup:
            owner = Owner(sup, "deaf", "good")
            sup.start("odd:1", KIND, owner)
            await owner.until(lambda: len(owner.hellos) == 1)
            while sup.send("odd:1", Manner("x" * 30_000)):
                pass
            await owner.until(lambda: len(owner.hellos) == 2)

    asyncio.run(scenario())


def test_who_will_retry_leaves_a_child_that_does_not_read_alone() -> None:
    async def scenario() -> None:
        async with supervisor() as sup:
            owner = Owner(sup, "deaf")
            sup.start("odd:1", KIND, owner)
            await owner.until(lambda: len(owner.hellos) == 1)
            while sup.send("odd:1", Manner("x" * 30_000), will_retry=True):
                pass
            assert not sup.send("odd:1", Manner("x" * 30_000), will_retry=True)
            os.kill(owner.hellos[0], 0)
            os.kill(owner.hellos[0], signal.SIGTERM)
            await owner.until(lambda: len(owner.deaths) == 1)
            assert owner.deaths[0].code == -signal.SIGTERM

    asyncio.run(scenario())


def test_a_child_that_sends_nonsense_is_replaced() -> None:
    async def scenario() -> None:
        async with supervisor() as sup:
            owner = Owner(sup, "garbage", "good")
            sup.start("odd:1", KIND, owner)
            await owner.until(lambda: len(owner.hellos) == 2)
            assert owner.deaths[0].code == -signal.SIGKILL
            assert owner.deaths[0].suspects == ()

    asyncio.run(scenario())
