"""What a worker is told, and when."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edged.control.tracks import FrameTrack
from edged.control.worker import WorkerControl
from edged.model.messages import (
    ClipWish,
    JobReport,
    JobSpec,
    JobState,
    JobStats,
    LinkSpec,
    SnapshotReport,
    WorkerSpec,
)
from edged.model.output import Output
from edged.model.sampling import Sampling
from edged.supervise.process import ChildExit, ProcessKind
from edged.supervise.supervisor import Supervisor

KIND = ProcessKind("late", "tests.children.late_reader", "for tests", 20.0, 1.0, 1)
JOB = JobSpec("job", ("gate",), (LinkSpec("motion", {"text": "x" * 1000}),), Sampling())


class Owner:
    """Wants ever more jobs, and notes what the worker says it was told."""

    def __init__(self) -> None:
        self.jobs = 0
        self.asked = 0
        self.reports: list[JobReport] = []
        self.deaths: list[ChildExit] = []
        self.changed = asyncio.Event()

    def worker_spec(self, worker: str) -> WorkerSpec:
        self.asked += 1
        return WorkerSpec(0, "boot", "box", tuple(replace(JOB, name=f"job{i}") for i in range(self.jobs)))

    def tracks_of(self, worker: str) -> list[FrameTrack]:
        return []

    def route(self, worker: str, output: Output) -> None:
        raise AssertionError(output)

    def job_reported(self, worker: str, report: JobReport) -> None:
        self.reports.append(report)
        self.changed.set()

    def job_counted(self, worker: str, stats: JobStats) -> None:
        raise AssertionError(stats)

    def snapshot_reported(self, report: SnapshotReport) -> None:
        raise AssertionError(report)

    def clip_wished(self, wish: ClipWish) -> None:
        raise AssertionError(wish)

    def worker_died(self, worker: str, death: ChildExit) -> None:
        self.deaths.append(death)
        self.changed.set()

    async def until(self, holds: Callable[[], bool], within_s: float = 60.0) -> None:
        async with asyncio.timeout(within_s):
            while not holds():
                self.changed.clear()
                await self.changed.wait()


@contextlib.asynccontextmanager
async def starting_worker() -> AsyncIterator[tuple[WorkerControl, Owner]]:
    """A worker that is there and does not read yet."""
    supervisor, owner = Supervisor(), Owner()
    ticking = asyncio.create_task(supervisor.run())
    worker = WorkerControl("main", supervisor, KIND, owner)
    worker.start()
    try:
        await owner.until(lambda: bool(owner.reports))
        yield worker, owner
        assert not ticking.done(), ticking.exception()
    finally:
        ticking.cancel()
        supervisor.kill_all()
        await supervisor.stop_all(up_to=99)


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))


def test_a_worker_that_does_not_read_yet_lives_and_is_told_the_newest_when_it_does() -> None:
    async def scenario() -> None:
        async with starting_worker() as (worker, owner):
            for owner.jobs in range(1, 61):  # as when one job after the other is proved
                worker.refresh()
                worker.drop("gate")
                await asyncio.sleep(0)
            os.kill(int(owner.reports[0].job), signal.SIGUSR1)
            await owner.until(lambda: owner.reports[-1].job == "gone" and owner.reports[-2].code == "60")
            assert not owner.deaths
            told = [int(report.code) for report in owner.reports if report.job == "spec"]
            assert told == sorted(told)

    asyncio.run(scenario())


def test_what_changes_in_one_turn_of_the_loop_is_told_once() -> None:
    async def scenario() -> None:
        async with starting_worker() as (worker, owner):
            asked = owner.asked
            for owner.jobs in range(1, 61):
                worker.refresh()
            await asyncio.sleep(0)
            assert owner.asked == asked + 1
            os.kill(int(owner.reports[0].job), signal.SIGUSR1)
            await owner.until(lambda: owner.reports[-1].code == "60")
            assert [report.code for report in owner.reports if report.job == "spec"] == ["0", "60"]
            assert owner.reports[0].state is JobState.STARTING

    asyncio.run(scenario())
