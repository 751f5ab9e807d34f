"""The gate, on a clock that stands still until a test says otherwise."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.control.gate import ChangedJob, Failed, Passed, Sight, Watch, judge
from edged.control.views import JobView, SourceView
from edged.model.capturing import SourceState
from edged.model.messages import JobState
from edged.model.twin import Gate

PEOPLE = ChangedJob("people", ("gate",), interval_s=1.0)
LOADING = JobView("people", JobState.STARTING, enabled=True, sources=("gate",), is_worker_alive=True)
LOADED = replace(LOADING, state=JobState.RUNNING)
RAN = replace(LOADED, runs=1)
FLOWING = SourceView("gate", SourceState.RUNNING, enabled=True, frames=100, is_capture_alive=True)
AWAY = replace(FLOWING, state=SourceState.RETRYING, frames=0, error="no route to host")


def watch(
    *jobs: ChangedJob, gate: Gate | None = None, sources: tuple[str, ...] = (), frames: int = 100
) -> Watch:
    return Watch(gate or Gate(), 1000.0, jobs, sources, {"gate": frames})


def sight(*views: JobView | SourceView) -> Sight:
    return Sight(
        {view.name: view for view in views if isinstance(view, JobView)},
        {view.name: view for view in views if isinstance(view, SourceView)},
    )


def follow(begun: Watch, *looks: tuple[float, Sight]) -> Passed | Failed | None:
    """The verdict, which only the last look may bring; None: watch on."""
    at: Watch = begun
    for place, (after_s, seen) in enumerate(looks):
        verdict = judge(at, seen, 1000.0 + after_s)
        if not isinstance(verdict, Watch):
            assert place == len(looks) - 1, f"{verdict} after {after_s} s already"
            return verdict
        at = verdict
    return None


def failed(verdict: Passed | Failed | None) -> list[tuple[str, str]]:
    assert isinstance(verdict, Failed)
    assert all(problem.message for problem in verdict.problems)
    return [(problem.path, problem.code) for problem in verdict.problems]


def test_a_changed_job_has_to_be_loaded_and_to_run_where_frames_flow() -> None:
    begun = watch(PEOPLE)
    looks = [(0.0, sight(LOADING, FLOWING)), (1.0, sight(LOADED, FLOWING))]
    assert follow(begun, *looks) is None
    assert follow(begun, *looks, (2.0, sight(RAN, FLOWING))) == Passed()


def test_what_is_missing_at_the_end_is_named() -> None:
    assert failed(follow(watch(PEOPLE), (60.0, sight(LOADING, FLOWING)))) == [("spec.jobs.people", "timeout")]
    more = replace(FLOWING, frames=101)
    looks = [(1.0, sight(LOADED, FLOWING)), (60.0, sight(LOADED, more))]
    verdict = follow(watch(PEOPLE), *looks)
    assert failed(verdict) == [("spec.jobs.people", "timeout")]
    assert isinstance(verdict, Failed)
    assert "no run of it succeeded within 60 s" in verdict.problems[0].message


def test_a_camera_that_is_away_fails_only_who_asks_for_frames() -> None:
    begun = watch(PEOPLE, sources=("gate",), frames=0)
    assert follow(begun, (0.0, sight(LOADED, AWAY))) == Passed()
    strict = replace(begun, gate=Gate(require=("jobs", "sources"), timeout_s=5.0))
    assert follow(strict, (0.0, sight(LOADED, AWAY)), (4.9, sight(LOADED, AWAY))) is None
    verdict = follow(strict, (5.0, sight(LOADED, AWAY)))
    assert failed(verdict) == [("spec.sources.gate", "source_failed")]
    assert isinstance(verdict, Failed)
    assert "no route to host" in verdict.problems[0].message
    assert follow(strict, (1.0, sight(RAN, replace(FLOWING, frames=1)))) == Passed()


def test_whether_frames_flow_is_waited_for() -> None:
    opening = replace(FLOWING, state=SourceState.STARTING, frames=0)
    broken = replace(opening, state=SourceState.FAILED, error="no video in it", is_capture_alive=False)
    raised = replace(LOADED, errors=1, error="ValueError")
    new = watch(PEOPLE, sources=("gate",), frames=0)
    silent = replace(FLOWING, frames=0)
    looks = [(0.1, sight(LOADED, opening)), (9.0, sight(LOADED, silent))]
    assert follow(new, *looks, (9.1, sight(LOADED, AWAY))) == Passed()
    assert failed(follow(new, *looks, (9.1, sight(LOADED, broken)))) == [
        ("spec.sources.gate", "source_failed")
    ]
    first = (9.1, sight(LOADED, replace(FLOWING, frames=1)))
    assert follow(new, *looks, first, (9.2, sight(replace(RAN, runs=1), FLOWING))) == Passed()
    assert failed(follow(new, *looks, first, (9.2, sight(raised, FLOWING)))) == [
        ("spec.jobs.people", "algorithm_failed")
    ]
    assert follow(watch(PEOPLE), *looks) is None, "also where only the job changed"
    assert follow(new, *looks, (60.0, sight(LOADED, opening))) == Passed(), "not for ever"
    assert follow(watch(), (0.0, sight(RAN, opening))) == Passed(), "who changed nothing there does not wait"


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        (
            replace(
                LOADED,
                state=JobState.FAILED,
                code="model_not_found",
                error="?",
                path="jobs.people.params.model",
            ),
            ("spec.jobs.people.params.model", "model_not_found"),
        ),
        (replace(LOADED, errors=1), ("spec.jobs.people", "algorithm_failed")),
        (replace(LOADING, error="its worker was killed"), ("spec.jobs.people", "algorithm_failed")),
    ],
)
def test_any_failure_of_a_changed_job_ends_it_at_once(view: JobView, expected: tuple[str, str]) -> None:
    assert failed(follow(watch(PEOPLE), (0.0, sight(view, FLOWING)))) == [expected]
    assert follow(watch(), (0.0, sight(view, FLOWING))) == Passed(), "it was so before"


def test_a_changed_source_that_can_never_be_read_ends_it_at_once() -> None:
    broken = replace(
        FLOWING, state=SourceState.FAILED, error="there is no video in it", is_capture_alive=False
    )
    assert failed(follow(watch(sources=("gate",)), (0.0, sight(broken)))) == [
        ("spec.sources.gate", "source_failed")
    ]
    assert follow(watch(), (0.0, sight(broken))) == Passed()


def test_every_process_has_to_live_also_of_what_did_not_change() -> None:
    dead = sight(replace(RAN, is_worker_alive=False), replace(FLOWING, is_capture_alive=False))
    assert follow(watch(), (0.0, dead), (10.0, dead)) is None
    assert follow(watch(), (0.0, dead), (10.0, sight(RAN, FLOWING))) == Passed()
    assert failed(follow(watch(), (60.0, dead))) == [
        ("spec.jobs.people", "timeout"),
        ("spec.sources.gate", "timeout"),
    ]


def test_what_is_paused_is_asked_for_nothing() -> None:
    paused = JobView("people", JobState.PAUSED, enabled=False)
    off = SourceView("gate", SourceState.PAUSED, enabled=False)
    everything = Gate(require=("jobs", "sources"))
    assert follow(watch(PEOPLE, sources=("gate",), gate=everything), (0.0, sight(paused, off))) == Passed()
    assert follow(watch(PEOPLE), (0.0, sight(LOADED, off))) == Passed()


def test_a_run_that_cannot_be_expected_by_then_is_not_waited_for() -> None:
    hourly = replace(PEOPLE, interval_s=3600.0)
    assert follow(watch(hourly), (0.0, sight(LOADING, FLOWING)), (1.0, sight(LOADED, FLOWING))) == Passed()
    just = replace(PEOPLE, interval_s=59.0)
    assert follow(watch(just), (0.5, sight(LOADED, FLOWING)), (59.0, sight(LOADED, FLOWING))) is None
    late = [(2.0, sight(LOADED, FLOWING))]
    assert follow(watch(just), *late) == Passed(), "loaded after 2 s it is due after 61 s"


def test_a_window_that_never_filled_fails_nobody() -> None:
    deep = replace(PEOPLE, reach=500)
    seen = sight(LOADED, replace(FLOWING, frames=400))
    assert follow(watch(deep), (1.0, seen), (59.0, seen)) is None
    assert follow(watch(deep), (1.0, seen), (60.0, seen)) == Passed()
    full = sight(LOADED, replace(FLOWING, frames=700))
    assert failed(follow(watch(deep), (1.0, full), (60.0, full))) == [("spec.jobs.people", "timeout")]


def test_it_is_watched_for_as_long_as_was_asked() -> None:
    begun = watch(PEOPLE, gate=Gate(stable_for_s=10.0))
    well = sight(RAN, FLOWING)
    assert follow(begun, (1.0, well), (10.9, well)) is None
    assert follow(begun, (1.0, well), (11.0, well)) == Passed()
    assert failed(follow(begun, (1.0, well), (9.0, sight(replace(RAN, errors=1), FLOWING)))) == [
        ("spec.jobs.people", "algorithm_failed")
    ]
    away = sight(RAN, replace(FLOWING, is_capture_alive=False))
    assert follow(begun, (1.0, well), (5.0, away), (6.0, well), (15.9, well)) is None
    long = replace(begun, gate=Gate(stable_for_s=600.0))
    assert follow(long, (1.0, well), (600.0, well)) is None, "longer than the timeout"
    assert follow(long, (1.0, well), (601.0, well)) == Passed()


views = st.builds(
    JobView,
    name=st.just("people"),
    state=st.sampled_from(JobState),
    enabled=st.booleans(),
    error=st.sampled_from(["", "it raised"]),
    runs=st.integers(0, 2),
    errors=st.integers(0, 1),
    is_worker_alive=st.booleans(),
)
sources = st.builds(
    SourceView,
    name=st.just("gate"),
    state=st.sampled_from(SourceState),
    enabled=st.booleans(),
    frames=st.integers(0, 200),
    is_capture_alive=st.booleans(),
)
gates = st.builds(
    Gate,
    require=st.sampled_from([("jobs",), ("sources",), ("jobs", "sources")]),
    stable_for_s=st.floats(0, 30),
    timeout_s=st.floats(1, 60),
)


@given(gates, st.lists(st.tuples(views, sources), min_size=1, max_size=30))
def test_it_always_ends(gate: Gate, seen: list[tuple[JobView, SourceView]]) -> None:
    at: Watch = watch(PEOPLE, gate=gate, sources=("gate",))
    for second in range(200):
        job, source = seen[min(second, len(seen) - 1)]
        verdict = judge(at, sight(job, source), 1000.0 + second)
        if isinstance(verdict, Passed):
            assert not job.enabled or job.state is JobState.RUNNING or "jobs" not in gate.require
            assert not job.errors or not job.enabled
            return
        if isinstance(verdict, Failed):
            assert verdict.problems
            return
        assert second <= gate.timeout_s + gate.stable_for_s + 2
        at = verdict
    raise AssertionError("it went on for ever")
