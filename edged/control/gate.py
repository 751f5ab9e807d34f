"""The gate: whether a trial has shown enough to be kept (rule 2 of the contract). Pure.

`judge` is shown everything a few times a second. It knows no clock and no process.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from edged.control.views import JobView, SourceView
from edged.errors import Problem
from edged.model.capturing import SourceState
from edged.model.messages import JobState
from edged.model.twin import Gate


@dataclass(frozen=True, slots=True)
class ChangedJob:
    """An enabled job that the trial brings, or changes."""

    name: str
    sources: tuple[str, ...]
    interval_s: float = 0.0
    """Between two runs; 0: every frame."""
    reach: int = 1
    """How many frames of a source one window spans: none runs before so many came."""


@dataclass(frozen=True, slots=True)
class Sight:
    """Everything that runs, at one moment."""

    jobs: Mapping[str, JobView] = field(default_factory=dict)
    sources: Mapping[str, SourceView] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Watch:
    """A trial that is being watched; the next one comes out of `judge`."""

    gate: Gate
    begun_s: float
    jobs: tuple[ChangedJob, ...] = ()
    sources: tuple[str, ...] = ()
    """Enabled ones that the trial brings, or changes."""
    frames_before: Mapping[str, int] = field(default_factory=dict)
    """By source: those that had come before the trial began."""
    loaded_s: Mapping[str, float] = field(default_factory=dict)
    """By changed job: since when it is loaded."""
    well_since_s: float | None = None
    """Since when nothing is missing."""


@dataclass(frozen=True, slots=True)
class Passed:
    """It is to be kept."""


@dataclass(frozen=True, slots=True)
class Failed:
    """It is to be rolled back."""

    problems: tuple[Problem, ...]
    """At least one."""


def judge(watch: Watch, sight: Sight, now_s: float) -> Watch | Passed | Failed:
    """Whether it passed, failed, or is to be watched on.

    Any failure of a changed job or source ends it at once. Beside that, it passes when for ``stable_for``
    seconds on end every changed job was loaded, every process alive, and each changed job had run well
    where frames flow; and fails when something of that is missing at ``timeout``. Whether frames flow is
    waited for: until a source that is being opened has a frame, or an error. A run is not waited for
    when it cannot be expected by then: the job is due less often, or the source had fewer frames than
    its window spans. Paused jobs and sources are not asked for anything; a camera that is away only
    where ``sources`` are required.
    """
    failures = tuple(_failures(watch, sight))
    if failures:
        return Failed(failures)
    loaded = [job.name for job in watch.jobs if _is_loaded(sight.jobs.get(job.name))]
    watch = replace(watch, loaded_s={name: watch.loaded_s.get(name, now_s) for name in loaded})
    over = now_s - watch.begun_s >= watch.gate.timeout_s
    missing = tuple(_missing(watch, sight, over=over))
    if missing:
        return Failed(missing) if over else replace(watch, well_since_s=None)
    since_s = now_s if watch.well_since_s is None else watch.well_since_s
    if now_s - since_s >= watch.gate.stable_for_s:
        return Passed()
    return replace(watch, well_since_s=since_s)


def _failures(watch: Watch, sight: Sight) -> Iterator[Problem]:
    for job in watch.jobs:
        view = sight.jobs.get(job.name)
        if view is None or not view.enabled:
            continue
        if view.state is JobState.FAILED or view.error or view.errors:
            path = f"spec.{view.path}" if view.path else f"spec.jobs.{job.name}"
            yield Problem(path, view.error or "a run of it failed", view.code or "algorithm_failed")
    for name in watch.sources:
        source = sight.sources.get(name)
        if source is not None and source.enabled and source.state is SourceState.FAILED:
            error = source.error or "it can never be read as it is specified"
            yield Problem(f"spec.sources.{name}", error, "source_failed")


def _missing(watch: Watch, sight: Sight, *, over: bool) -> Iterator[Problem]:
    """What is still to be shown; when the time is ``over``, without what could not be expected by now."""
    within = f"within {watch.gate.timeout_s:g} s"
    yield from _dead(sight, within)
    if not over:
        yield from _opening(watch, sight)
    for job in watch.jobs if "jobs" in watch.gate.require else ():
        path = f"spec.jobs.{job.name}"
        view = sight.jobs.get(job.name)
        if not _is_loaded(view):
            yield Problem(path, f"it was not loaded {within}", "timeout")
        elif _should_run(job, watch, sight, over=over) and not (view and view.runs):
            yield Problem(path, f"frames came, and no run of it succeeded {within}", "timeout")
    if "sources" in watch.gate.require:
        yield from _frameless(watch, sight, within)


def _dead(sight: Sight, within: str) -> Iterator[Problem]:
    """Processes that are not there; one that failed for good, or was ended, need not be."""
    for name, job in sight.jobs.items():
        if job.enabled and job.state is not JobState.FAILED and not job.is_worker_alive:
            yield Problem(f"spec.jobs.{name}", f"its worker did not live {within}", "timeout")
    for name, source in sight.sources.items():
        ended = source.state in (SourceState.FAILED, SourceState.ENDED, SourceState.PAUSED)
        if source.enabled and not ended and not source.is_capture_alive:
            yield Problem(f"spec.sources.{name}", f"its capture did not live {within}", "timeout")


def _is_loaded(view: JobView | None) -> bool:
    return view is not None and (not view.enabled or view.state is JobState.RUNNING)


def _should_run(job: ChangedJob, watch: Watch, sight: Sight, *, over: bool) -> bool:
    """Frames flow to it, and it is due, and can run, before the time is over."""
    view = sight.jobs.get(job.name)
    if view is None or not view.enabled:
        return False
    due_s = watch.loaded_s.get(job.name, watch.begun_s) + job.interval_s
    if due_s > watch.begun_s + watch.gate.timeout_s:
        return False
    flowing = [name for name in job.sources if _flows(sight.sources.get(name))]
    if over:
        return any(_new_frames(name, watch, sight) >= job.reach for name in flowing)
    return bool(flowing)


def _flows(source: SourceView | None) -> bool:
    return source is not None and source.enabled and source.state is SourceState.RUNNING and source.frames > 0


def _new_frames(name: str, watch: Watch, sight: Sight) -> int:
    """Since the trial began; a source that is new or changed counts from 0."""
    frames, before = sight.sources[name].frames, watch.frames_before.get(name, 0)
    return frames - before if frames >= before else frames


def _opening(watch: Watch, sight: Sight) -> Iterator[Problem]:
    """Sources of which nobody can say yet whether frames will flow, or why not."""
    for name in _concerned(watch):
        source = sight.sources.get(name)
        if source is not None and source.enabled and _is_opening(source):
            yield Problem(f"spec.sources.{name}", "it is being opened", "timeout")


def _is_opening(source: SourceView) -> bool:
    """Neither a frame nor an error came of it yet."""
    is_silent = source.state is SourceState.RUNNING and not source.frames
    return is_silent or source.state is SourceState.STARTING


def _concerned(watch: Watch) -> dict[str, None]:
    """Changed sources, and those that changed jobs look at."""
    return dict.fromkeys(watch.sources) | dict.fromkeys(name for job in watch.jobs for name in job.sources)


def _frameless(watch: Watch, sight: Sight, within: str) -> Iterator[Problem]:
    for name in _concerned(watch):
        source = sight.sources.get(name)
        if source is None or not source.enabled or source.frames > 0:
            continue
        error = f": {source.error}" if source.error else ""
        yield Problem(f"spec.sources.{name}", f"no frame came {within}{error}", "source_failed")
