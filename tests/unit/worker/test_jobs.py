"""What is reported of a job that does not load."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from edged.model.messages import JobReport, JobSpec, JobState, LinkSpec, WorkerSpec
from edged.model.sampling import Sampling
from edged.supervise.heartbeat import Heartbeat, make_page
from edged.worker.jobs import Jobs
from edged.worker.loader import Loaded, Loader, Order

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
    yield Orders(heartbeat)
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
