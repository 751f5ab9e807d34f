"""What is reported of a job that does not load."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace

import pytest

from edged.model.messages import JobReport, JobSpec, JobState, LinkSpec, WorkerSpec
from edged.model.sampling import Sampling
from edged.supervise.heartbeat import Heartbeat, make_page
from edged.worker.chain import Chain, Emissions
from edged.worker.jobs import Jobs
from edged.worker.loader import Loaded, Loader, Order
from edged.worker.surroundings import Surroundings

JOB = JobSpec("people", ("gate",), (LinkSpec("detector"),), Sampling())
MINUTE_NS = 60_000_000_000


class Orders(Loader):
    """A loader that does not load: it keeps the newest order, for the test to say what became of it."""

    newest: Order

    def order(self, order: Order) -> None:
        self.newest = order


@pytest.fixture
def loader() -> Iterator[Orders]:
    page = make_page()
    heartbeat = Heartbeat(page)
    os.close(page)
    yield Orders(heartbeat, Surroundings())
    heartbeat.close()


def test_the_newest_reason_counts(loader: Orders) -> None:
    reports: list[JobReport] = []
    jobs = Jobs(loader, reports.append, lambda job, source: False)
    jobs.apply(WorkerSpec(1, "boot", "box", (JOB,)), now_ns=0)
    jobs.take_over(Loaded(loader.newest, code="model_not_found", error="there is no such model"), 0)
    jobs.retry(MINUTE_NS)
    jobs.take_over(Loaded(loader.newest, code="algorithm_failed", error="that is no model"), MINUTE_NS)
    assert [(report.state, report.error) for report in reports] == [
        (JobState.STARTING, ""),
        (JobState.FAILED, "there is no such model"),
        (JobState.FAILED, "that is no model"),
    ]


def test_what_is_being_loaded_serves_a_changed_job_with_the_same_algorithms(loader: Orders) -> None:
    reports: list[JobReport] = []
    jobs = Jobs(loader, reports.append, lambda job, source: False)
    first = replace(JOB, version=1, sources=("gate", "yard"))
    jobs.apply(WorkerSpec(1, "boot", "box", (first,)), now_ns=0)
    ordered = loader.newest
    changed = replace(JOB, version=2, sources=("yard", "door"), sampling=Sampling(200_000))
    jobs.apply(WorkerSpec(2, "boot", "box", (changed,)), now_ns=1)
    assert loader.newest is ordered
    chains = {source: Chain((), Emissions()) for source in ordered.sources}
    lanes = jobs.take_over(Loaded(ordered, chains), 2)
    assert [(lane.source, lane.spec) for lane in lanes] == [("yard", changed)]
    assert loader.newest.sources == ("door",)
    jobs.take_over(Loaded(loader.newest, {"door": Chain((), Emissions())}), 3)
    assert [(report.state, report.version) for report in reports] == [
        (JobState.STARTING, 1),
        (JobState.STARTING, 2),
        (JobState.RUNNING, 2),
    ]
    assert [stats.version for stats in jobs.stats(4)] == [2]


def test_lanes_that_run_take_over_a_change_and_old_ones_speak_for_themselves(loader: Orders) -> None:
    reports: list[JobReport] = []
    jobs = Jobs(loader, reports.append, lambda job, source: False)
    first = replace(JOB, version=1)
    jobs.apply(WorkerSpec(1, "boot", "box", (first,)), now_ns=0)
    (lane,) = jobs.take_over(Loaded(loader.newest, {"gate": Chain((), Emissions())}), 1)
    faster = replace(first, version=2, sampling=Sampling(200_000))
    jobs.apply(WorkerSpec(2, "boot", "box", (faster,)), now_ns=2)
    assert jobs.on("gate") == (lane,)
    assert lane.spec == faster
    jobs.apply(WorkerSpec(3, "boot", "box", (replace(faster, version=3, load=1),)), now_ns=3)
    jobs.lane_failed(lane, "algorithm_failed", "the door is ajar")
    assert [(report.state, report.version) for report in reports] == [
        (JobState.STARTING, 1),
        (JobState.RUNNING, 1),
        (JobState.RUNNING, 2),
        (JobState.STARTING, 3),
        (JobState.FAILED, 2),
    ]
