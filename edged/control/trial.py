"""The way of a change, step by step: understood, prepared, watched. Which step is next, the twin decides."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edged.control.admission import read_and_plan
from edged.control.capacity import beyond
from edged.control.device import Device
from edged.control.difference import Action, difference
from edged.control.gate import ChangedJob, Failed, Passed, Sight, Watch, judge
from edged.control.hardware import memory_bytes
from edged.control.model_desk import Progress, is_there
from edged.control.proof_desk import ProofDesk
from edged.control.twin_record import TwinRecord
from edged.errors import Problem, SpecRejected
from edged.model.messages import JobSpec, Proof
from edged.model.scene import Scene
from edged.model.twin import Gate
from edged.planning.plan import Failure, Plan, make_plan
from edged.settings import Loaded

_LOOK_EVERY_S = 0.05

log = logging.getLogger("edged.twin")


@dataclass(frozen=True, slots=True)
class Understood:
    """A spec, as it is written and as this device understands it."""

    spec: Mapping[str, Any] = field(repr=False)
    loaded: Loaded
    plan: Plan
    revision: int = 0
    local: int = 0


@dataclass(frozen=True, slots=True)
class Prepared:
    """A change that may be tried."""

    goal: Understood
    actions: tuple[Action, ...]
    proved: tuple[JobSpec, ...]
    unfetched: tuple[str, ...] = ()
    """Models that are not here, because nobody asked for them to be fetched."""
    unproved: tuple[str, ...] = ()
    """Jobs that could not be proved without them."""


@dataclass(frozen=True, slots=True)
class Asked:
    """How a change is prepared."""

    within_s: float
    spares_unchanged: bool = False
    """Asked for no more than what it changes: a patch. A job that fails already is no reason not to pause
    another."""
    fetches: bool = True
    """False: models that are not here are not fetched, and jobs that use them not proved."""
    on_progress: Callable[[Progress], None] = lambda progress: None
    """Of what is fetched."""


def understand(record: TwinRecord, file: Loaded, folder: Path) -> Understood:
    """What ``record`` wants to run. Raises `SpecRejected` when that is not valid on this device."""
    spec = record.effective(own_spec(file))
    if record.applied is None and not record.overlay:
        return Understood(spec, file, make_plan(file, folder), local=record.local)
    loaded, plan = read_and_plan(spec, file, folder)
    return Understood(spec, loaded, plan, record.revision, record.local)


def own_spec(file: Loaded) -> Mapping[str, Any]:
    """The spec of the device's file, as it is written."""
    return file.document.value.get("spec") or {}


async def prepare(
    goal: Understood,
    running: Understood,
    device: Device,
    proofs: ProofDesk,
    asked: Asked,
) -> Prepared:
    """Fetch models, and prove what is new or changed, while what runs runs on. Raises `SpecRejected`.

    Over the network a spec is good as a whole or not at all.
    """
    until_s = time.monotonic() + asked.within_s
    before = running.plan if asked.spares_unchanged else Plan()
    problems = [*beyond(goal.plan, running.plan, memory_bytes()), *_unplanned(goal.plan, before)]
    if problems:
        raise SpecRejected(problems)
    if asked.fetches:
        await device.models.bring(goal.plan, before, asked.within_s, asked.on_progress)
    missing = {model.path: model.name for model in goal.plan.models.values() if not is_there(model)}
    unproved = [
        job for job in device.unproved(goal.plan) if before.jobs.get(job.name) != goal.plan.jobs[job.name]
    ]
    unproved += _left_without(goal.plan, running.plan, unproved)
    unproved += _recording_others(goal.plan, running.plan, unproved)
    provable = tuple(job for job in unproved if asked.fetches or missing.keys().isdisjoint(_paths_of(job)))
    left_s = max(until_s - time.monotonic(), 0.0)
    found = await proofs.prove(provable, goal.plan.library, left_s, goal.plan.scenes)
    problems = [problem for proof in found for problem in _disproved(proof)]
    problems += _recorded_in_vain(found, goal.plan, running.plan)
    if problems:
        raise SpecRejected(problems)
    actions = difference(running.loaded.settings.spec, goal.loaded.settings.spec)
    others = tuple(job.name for job in unproved if job not in provable)
    return Prepared(goal, actions, provable, tuple(missing.values()), others)


def _left_without(goal: Plan, running: Plan, others: Collection[JobSpec]) -> list[JobSpec]:
    """The jobs besides ``others`` whose params name a zone or a line that a source of theirs has no longer:
    they load as before, and would fail at their next run. That source stands first, to be proved with.
    """
    found = []
    for job in (job.spec for job in goal.jobs.values() if job.enabled and job.spec not in others):
        for source in job.sources:
            if _names_one_of(job, _drawn(running, source) - _drawn(goal, source)):
                found.append(replace(job, sources=(source, *(s for s in job.sources if s != source))))
                break
    return found


def _recording_others(goal: Plan, running: Plan, others: Collection[JobSpec]) -> list[JobSpec]:
    """The jobs besides ``others`` that record anew: which events they send, only a prover knows."""
    known = {job.name for job in others}
    jobs = (job.spec for job in goal.jobs.values() if job.enabled and job.spec.name not in known)
    return [job for job in jobs if _records_anew(job, running)]


def _records_anew(job: JobSpec, running: Plan) -> bool:
    """Whether it records events that it did not, or has other algorithms."""
    before = running.jobs.get(job.name)
    if job.clips is None:
        return False
    if before is None or before.spec.chain != job.chain or before.spec.clips is None:
        return True
    return not set(job.clips.on) <= set(before.spec.clips.on)


def _drawn(plan: Plan, source: str) -> set[str]:
    """The names of a source's zones and lines."""
    scene = plan.scenes.get(source, Scene())
    return {*scene.zones, *scene.lines}


def _names_one_of(job: JobSpec, names: Collection[str]) -> bool:
    """As a text or as a key of its params."""
    return any(_holds(link.params, names) for link in job.chain)


def _holds(value: Any, names: Collection[str]) -> bool:
    if isinstance(value, str):
        return value in names
    if isinstance(value, Mapping):
        return any(key in names or _holds(item, names) for key, item in value.items())
    return isinstance(value, (list, tuple)) and any(_holds(item, names) for item in value)


def watch_for(goal: Plan, running: Plan, gate: Gate, sight: Sight, now_s: float) -> Watch:
    """What the gate asks for; ``sight`` is from before the trial."""
    jobs = tuple(
        ChangedJob(name, job.spec.sources, job.spec.sampling.interval_us / 1e6, job.spec.sampling.reach)
        for name, job in goal.jobs.items()
        if job.enabled and running.jobs.get(name) != job
    )
    sources = tuple(
        name
        for name, capture in goal.captures.items()
        if capture.enabled and running.captures.get(name) != capture
    )
    frames = {name: view.frames for name, view in sight.sources.items() if name not in sources}
    return Watch(gate, now_s, jobs, sources, frames)


async def watch(device: Device, begun: Watch) -> tuple[Problem, ...]:
    """Until the gate has judged; why it failed, and nothing if it passed. Ends by the gate's timeout."""
    watched = begun
    while True:
        verdict = judge(watched, sight_of(device), time.monotonic())
        if isinstance(verdict, Passed):
            return ()
        if isinstance(verdict, Failed):
            return verdict.problems
        watched = verdict
        await asyncio.sleep(_LOOK_EVERY_S)


def sight_of(device: Device) -> Sight:
    """Everything that the plan in effect wants, as it is now."""
    jobs = {name: device.job_view(name) for name in device.plan.jobs}
    sources = {name: device.source_view(name) for name in device.plan.captures}
    return Sight(
        {name: view for name, view in jobs.items() if view is not None},
        {name: view for name, view in sources.items() if view is not None},
    )


def actions_json(actions: tuple[Action, ...]) -> list[dict[str, Any]]:
    """For answers: what was, or would be, done."""
    return [
        {
            "action": action.verb.value,
            action.kind: action.name,
            **({"fields": list(action.fields)} if action.fields else {}),
        }
        for action in actions
    ]


def _paths_of(job: JobSpec) -> set[str]:
    """Of the models that it needs brought along."""
    return {path for link in job.chain for path in link.models.values()}


def _unplanned(plan: Plan, before: Plan) -> Iterator[Problem]:
    """What cannot be started as it stands, beside what could not be ``before`` for the same reasons."""
    failed: tuple[tuple[Mapping[str, Failure], Mapping[str, Failure]], ...] = (
        (plan.failed_models, before.failed_models),
        (plan.failed_sources, before.failed_sources),
        (plan.failed_jobs, before.failed_jobs),
        (plan.failed_outputs, before.failed_outputs),
    )
    for now, then in failed:
        for name, failure in now.items():
            if then.get(name) != failure:
                yield from failure.problems


def _disproved(proof: Proof) -> Iterator[Problem]:
    if proof.code or proof.error:
        path = f"spec.jobs.{proof.job}" + (f".{proof.path}" if proof.path else "")
        yield Problem(path, proof.error, proof.code or "algorithm_failed")


def _recorded_in_vain(proofs: Iterable[Proof], goal: Plan, running: Plan) -> Iterator[Problem]:
    """Of jobs that record anew. One that does so already is no reason to refuse what else changes: it may be
    older than this check, and its other events are recorded.
    """
    for proof in proofs:
        is_new = proof.unsent and _records_anew(goal.jobs[proof.job].spec, running)
        for unsent in proof.unsent:
            path = f"jobs.{proof.job}.{unsent.path}"
            if is_new:
                yield Problem(f"spec.{path}", unsent.message)
            else:
                log.warning("%s: %s", path, unsent.message)
