"""What is wrong with a config, and what is only not there now: for `edged check` and `edged doctor`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from edged.app.ask import ask, ask_each
from edged.app.processes import PROBE, PROVER
from edged.app.reach import why_source_is_away
from edged.capture.sources import file_of
from edged.errors import EdgedError, Problem
from edged.model.capturing import CaptureSpec
from edged.model.messages import JobSpec, Library, Proof, ProveReport, ProveRequest
from edged.model.plane import crossing_edges
from edged.model.probe import ProbeReport
from edged.model.scene import Scene
from edged.planning.plan import Plan, make_plan
from edged.settings import Loaded, load_settings

PROVE_WITHIN_S = 150.0
"""For one job; the prover's own deadline is a little shorter and knows what it was doing."""
_REACH_WITHIN_S = 2.0
_START_S = 30.0
"""For the child that opens a file to come up on a slow device."""
_PARALLEL_LOOKS = 16
_NOT_THERE_NOW = ("model_not_found",)


@dataclass(frozen=True, slots=True)
class Findings:
    """All that was found out about one config."""

    loaded: Loaded
    plan: Plan
    errors: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    """What is not there now and may come (models, cameras, files, folders), and what may go wrong."""
    videos: Mapping[str, ProbeReport] = field(default_factory=dict)
    """By source: what was seen of the files that could be opened."""


def examine(config: Path) -> Findings:
    """Read the file, plan it, prove its jobs in a child, look for its sources.

    Changes nothing but the cache of engines.

    Raises `SpecRejected` when the file is not valid as a whole.
    """
    loaded = load_settings(config)
    plan = make_plan(loaded, config.resolve().parent)
    errors = list(_plan_problems(loaded, plan))
    warnings = [*_missing_folders(loaded, plan.library), *_crossing_edges(loaded, plan.scenes)]
    looks = _look_for_sources(plan)
    for name, look in looks.items():
        if look.reason:
            problem = loaded.problem(f"spec.sources.{name}.url", look.reason, "source_failed")
            (errors if look.is_there else warnings).append(problem)
    for proof in prove(tuple(job.spec for job in plan.jobs.values()), plan.library, plan.scenes):
        path = ".".join(part for part in ("spec.jobs", proof.job, proof.path) if part)
        if proof.error:
            problem = loaded.problem(path, proof.error, proof.code)
            (warnings if proof.code in _NOT_THERE_NOW else errors).append(problem)
        if proof.doubt:
            message = f"its first run, on a gray picture, failed: {proof.doubt}"
            warnings.append(loaded.problem(path, message, "algorithm_failed"))
        errors += [
            loaded.problem(f"spec.jobs.{proof.job}.{unsent.path}", unsent.message) for unsent in proof.unsent
        ]
    videos = {name: look.seen for name, look in looks.items() if look.seen is not None}
    return Findings(loaded, plan, _in_order(errors), _in_order(warnings), videos)


def prove(
    jobs: tuple[JobSpec, ...], library: Library, scenes: Mapping[str, Scene] | None = None
) -> Iterator[Proof]:
    """A proof for each job, in order. One that brings the prover down is to blame for that alone."""
    left = list(jobs)
    while left:
        request = ProveRequest(tuple(left), library, scenes=dict(scenes or {}))
        try:
            for report in ask_each(
                PROVER.module, request, ProveReport, number=len(left), within_s=PROVE_WITHIN_S
            ):
                del left[0]
                yield from report.proofs
        except EdgedError as error:
            yield Proof(left.pop(0).name, "algorithm_failed", f"it cannot be loaded: {error}")


def _plan_problems(loaded: Loaded, plan: Plan) -> Iterator[Problem]:
    failed = (
        *plan.failed_models.values(),
        *plan.failed_sources.values(),
        *plan.failed_jobs.values(),
        *plan.failed_outputs.values(),
    )
    for problem in dict.fromkeys(problem for failure in failed for problem in failure.problems):
        yield loaded.problem(problem.path, problem.message, problem.code)


def _missing_folders(loaded: Loaded, library: Library) -> Iterator[Problem]:
    """Those that the file names; a default that is not there is nobody's mistake."""
    for key, folders in (("models", library.models), ("algorithms", library.algorithms)):
        for place, folder in enumerate(folders if key in loaded.document.value else ()):
            if not Path(folder).is_dir():
                yield loaded.problem(f"{key}.{place}", f"there is no folder {folder} now", "not_found")


def _crossing_edges(loaded: Loaded, scenes: Mapping[str, Scene]) -> Iterator[Problem]:
    """Polygons whose corners were given in an order that hardly was meant."""
    for source, scene in scenes.items():
        drawn = (("zones", scene.zones), ("masks", scene.masks))
        for kind, name, corners in ((kind, *one) for kind, polygons in drawn for one in polygons.items()):
            crossing = crossing_edges(corners)
            if crossing is not None:
                message = (
                    f"the edges that begin at its corners {crossing[0]} and {crossing[1]} cross;"
                    " give the corners in the order of a walk around it"
                )
                yield loaded.problem(f"spec.sources.{source}.{kind}.{name}", message)


@dataclass(frozen=True, slots=True)
class _Look:
    """What was seen of a source."""

    reason: str = ""
    """Why it cannot be used now; empty: it may be."""
    is_there: bool = False
    """A file that is no video is a mistake; a camera that is away may come back."""
    seen: ProbeReport | None = None
    """Only of a file that could be opened: opening cameras takes long."""


def _look_for_sources(plan: Plan) -> dict[str, _Look]:
    with ThreadPoolExecutor(_PARALLEL_LOOKS) as looks:
        return dict(zip(plan.captures, looks.map(_look_for, plan.captures.values()), strict=True))


def _look_for(spec: CaptureSpec) -> _Look:
    away = why_source_is_away(spec, within_s=_REACH_WITHIN_S)
    if away or file_of(spec.url) is None:
        return _Look(away)
    try:
        report = ask(PROBE.module, spec, ProbeReport, within_s=_START_S + 3 * spec.timeout_s)
    except EdgedError as error:
        return _Look(str(error), is_there=True)
    return _Look(report.error, is_there=True, seen=None if report.error else report)


def _in_order(problems: list[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(problems, key=lambda problem: (problem.file, problem.line, problem.column)))


def as_warning(problem: Problem) -> str:
    """``file:line:column: key.path: warning: message``"""
    return str(replace(problem, message=f"warning: {problem.message}"))
