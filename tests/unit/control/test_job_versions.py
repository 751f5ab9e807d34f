"""One job through its versions: what counts as its own, and what of its predecessor."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.control.job import JobRecord
from edged.control.job_table import JobTable
from edged.model.messages import JobReport, JobSpec, JobState, JobStats, LinkSpec
from edged.model.sampling import Sampling
from edged.planning.plan import JobPlan

SPEC = JobSpec("people", ("gate",), (LinkSpec("motion", {}),), Sampling())
FASTER = replace(SPEC, sampling=Sampling(200_000))
OTHER = replace(SPEC, chain=(LinkSpec("detector", {}),))


def plan(spec: JobSpec = SPEC, *, enabled: bool = True, worker: str = "main") -> JobPlan:
    return JobPlan(spec, worker, enabled)


def running(table: JobTable) -> JobRecord:
    """A job that was proved, loaded and ran five times, once ill."""
    table.note_proofs((SPEC,))
    job = table.put(plan(), {})
    job.reported(JobReport("people", JobState.RUNNING, version=job.version))
    job.counted(stats(job, 5, errors=1))
    return job


def stats(job: JobRecord, runs: int, *, errors: int = 0, **of_version: int) -> JobStats:
    counted: dict[str, Any] = {"loaded": job.version, "version": job.version}
    counted |= {"version_runs": runs, "version_errors": errors} | of_version
    return JobStats("people", runs, errors, {}, 0, 0, 0, 0, 0, **counted)


def test_a_new_interval_is_told_at_once_and_the_status_does_not_flicker() -> None:
    table = JobTable()
    before = running(table)
    job = table.put(plan(FASTER), {})
    assert job.proved
    assert job.running == replace(FASTER, version=job.version)
    assert job.sampled == (FASTER,)
    assert (job.state, job.total().runs) == (JobState.RUNNING, 5)
    view = job.view(is_worker_alive=True)
    assert (view.state, view.runs, view.errors, view.interval_s) == (JobState.STARTING, 0, 0, 0.2)
    assert not job.reported(JobReport("people", JobState.RUNNING, version=job.version)), "no news"
    job.counted(stats(before, 8, version=job.version, version_runs=3))
    view = job.view(is_worker_alive=True)
    assert (view.state, view.runs, view.errors) == (JobState.RUNNING, 3, 0)
    assert job.total().runs == 8


def test_frames_are_copied_for_the_version_before_until_the_next_is_loaded() -> None:
    table = JobTable()
    before = running(table)
    job = table.put(plan(replace(OTHER, sampling=Sampling(200_000))), {})
    assert not job.proved
    assert job.running == before.spec
    job.pass_proof()
    assert job.running == job.spec
    assert [spec.sampling for spec in job.sampled] == [Sampling(200_000), Sampling()]
    job.reported(JobReport("people", JobState.STARTING, version=job.version))
    assert len(job.sampled) == 2
    job.reported(JobReport("people", JobState.RUNNING, version=job.version))
    assert len(job.sampled) == 1


def test_a_change_that_is_taken_back_while_it_is_proved_needs_no_proof() -> None:
    table = JobTable()
    running(table)
    table.put(plan(OTHER), {})
    job = table.put(plan(), {})
    assert job.proved
    assert job.sampled == (SPEC,)


def test_what_the_version_before_does_to_its_worker_is_not_held_against_the_next() -> None:
    table = JobTable()
    before = running(table)
    job = table.put(plan(OTHER), {})
    assert job.culprit("load") == before.version, "the next one is only being proved"
    assert not job.strike(0.0, "run")
    assert job.strike(1.0, "run"), "it stays out until the next one is proved"
    job.pass_proof()
    assert job.running is not None
    for _ in range(3):
        assert job.culprit("run") == before.version
        assert not job.strike(2.0, "run")
    assert job.view(is_worker_alive=False).errors == 0
    assert not job.strike(3.0, "load")
    job.worker_gone()
    assert job.culprit("run") == job.version
    assert job.view(is_worker_alive=False).crashes == 1
    assert job.strike(4.0, "run")


@pytest.mark.parametrize("how", ["changed", "restarted"])
def test_what_is_out_gets_another_chance_when_it_is(how: str) -> None:
    table = JobTable()
    job = running(table)
    job.strike(0.0, "run")
    assert job.strike(1.0, "run")
    assert job.running is None
    fresh = table.put(plan(FASTER), {}) if how == "changed" else table.restart(job)
    assert fresh.running is not None
    assert fresh.view(is_worker_alive=True).errors == 0


def test_a_restart_asks_for_other_instances_of_the_same() -> None:
    table = JobTable()
    before = running(table)
    job = table.restart(before)
    assert job.plan == before.plan
    assert job.running is not None
    assert job.running.load != before.load
    assert job.sampled == (SPEC, before.spec)
    later = table.put(plan(FASTER), {})
    assert later.load == job.load, "no third time"


def test_nothing_is_taken_as_proved_with_another_library_but_what_runs_runs_on() -> None:
    table = JobTable()
    running(table)
    table.doubt_all()
    assert not table.is_proved(SPEC)
    job = table.put(plan(FASTER), {})
    assert not job.proved
    assert job.running is not None


@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 5), st.sampled_from(["tick", "died", "changed"])))
)
def test_every_run_of_a_version_is_counted_once(steps: list[tuple[int, int, str]]) -> None:
    """``runs`` and ``errors`` happen, then its worker says so, and perhaps dies, or the job is changed."""
    table = JobTable()
    table.note_proofs((SPEC,))
    job = table.put(plan(), {})
    loaded, of_worker, of_version, total = job.version, [0, 0], [0, 0], [0, 0]
    since = [0, 0]  # of the version, in the worker that lives
    for runs, errors, then in steps:
        for counts in (of_worker, of_version, total, since):
            counts[0] += runs
            counts[1] += errors
        job.counted(
            JobStats(
                "people", of_worker[0], of_worker[1], {}, 0, 0, 0, 0, 0,
                loaded=loaded, version=job.version, version_runs=since[0], version_errors=since[1],
            )
        )  # fmt: skip
        view = job.view(is_worker_alive=True)
        assert [view.runs, view.errors] == of_version
        assert [job.total().runs, job.total().errors] == total
        if then == "died":
            job.worker_gone()
            of_worker, since, loaded = [0, 0], [0, 0], job.version
        elif then == "changed":
            interval_us = 1_000_000 + job.version
            job = table.put(plan(replace(SPEC, sampling=Sampling(interval_us))), {})
            of_version, since = [0, 0], [0, 0]
