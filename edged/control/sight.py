"""Whether a picture of a source can be had, from which job, and why there was none: no effects."""

from __future__ import annotations

from collections.abc import Iterable

from edged.control.commands.request import CommandFailed
from edged.control.device import Device
from edged.model.capturing import SourceReport, SourceState
from edged.model.messages import JobState
from edged.model.sampling import SampleOn, Sampling
from edged.planning.plan import JobPlan
from edged.settings.nearest import did_you_mean

_SHORT_INTERVAL_US = 2_000_000
"""A job that runs so often will do for a picture without being named."""
_WITHOUT = "leave out `job` for a picture without its boxes"


def check_source(device: Device, name: str) -> None:
    """Raises `CommandFailed` when no frame of it will come."""
    failure = device.plan.failed_sources.get(name)
    if failure is not None:
        raise CommandFailed("source_failed", f"{name} has failed: {failure.message}")
    source = device.sources.get(name)
    if source is None:
        known = (*device.plan.captures, *device.plan.failed_sources)
        raise CommandFailed("not_found", f'no source "{name}"{did_you_mean(name, known)}')
    if source.report.state not in (SourceState.RUNNING, SourceState.STARTING):
        raise _source_failed(name, source.report)


def check_job(device: Device, name: str, source: str) -> None:
    """Raises `CommandFailed` when it will not run on ``source``."""
    failure = device.plan.failed_jobs.get(name)
    if failure is not None:
        raise CommandFailed(failure.code, f"{name} has failed: {failure.message}; {_WITHOUT}")
    plan = device.plan.jobs.get(name)
    if plan is None:
        known = (*device.plan.jobs, *device.plan.failed_jobs)
        raise CommandFailed("not_found", f'no job "{name}"{did_you_mean(name, known)}')
    if source not in plan.spec.sources:
        seen = ", ".join(plan.spec.sources) or "nothing"
        raise CommandFailed("not_found", f"{name} does not look at {source}, but at {seen}")
    job = device.jobs[name]
    if not plan.enabled:
        raise CommandFailed("conflict", f"{name} is paused: resume it, or {_WITHOUT}")
    if job.state is JobState.FAILED:
        raise CommandFailed(job.code or "algorithm_failed", f"{name} has failed: {job.error}; {_WITHOUT}")


def choose_job(device: Device, source: str) -> str | None:
    """The first job of the spec that runs on it now and will do so again in a moment."""
    running = (
        plan
        for name, plan in device.plan.jobs.items()
        if name in device.jobs and device.jobs[name].state is JobState.RUNNING
    )
    return first_quick(running, source)


def first_quick(jobs: Iterable[JobPlan], source: str) -> str | None:
    """Pure: of jobs that run, the first that looks at ``source`` every two seconds or more often."""
    return next((job.spec.name for job in jobs if _is_quick(job, source)), None)


def _is_quick(job: JobPlan, source: str) -> bool:
    sampling = job.spec.sampling
    often = sampling.on is SampleOn.FRAMES and sampling.interval_us <= _SHORT_INTERVAL_US
    return job.enabled and often and source in job.spec.sources


def why_late(device: Device, source: str, job: str | None, deadline_s: float) -> CommandFailed:
    """What to say when no picture came in time."""
    control = device.sources.get(source)
    if control is not None and control.report.state is not SourceState.RUNNING:
        return _source_failed(source, control.report)
    plan = device.plan.jobs.get(job) if job is not None else None
    if plan is None:
        keyed = control is not None and control.spec.demand.keyframes_only
        mend = "; set a shorter keyframe interval on the camera, or run a job on its frames" if keyed else ""
        return CommandFailed("timeout", f"no picture of {source} came within {deadline_s:g} s{mend}")
    every = _every(plan.spec.sampling)
    return CommandFailed(
        "timeout", f"{job} runs {every} and did not run on {source} within {deadline_s:g} s: {_WITHOUT}"
    )


def _every(sampling: Sampling) -> str:
    if sampling.on is SampleOn.KEYFRAMES:
        return f"on keyframes, every {sampling.interval_us / 1e6:g} s"
    return f"every {sampling.interval_us / 1e6:g} s" if sampling.interval_us else "on every frame"


def _source_failed(name: str, report: SourceReport) -> CommandFailed:
    mend = ": resume it first" if report.state is SourceState.PAUSED else ""
    error = f": {report.error}" if report.error else mend
    return CommandFailed("source_failed", f"{name} is {report.state}{error}")
