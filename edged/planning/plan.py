"""Settings in, what should run out: pure.

A plan says what every capture and worker should be told, and which sources and jobs cannot run as
they stand. What is wrong with one of them fails that one and leaves the others alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edged.errors import Problem, SpecRejected
from edged.model.capturing import CaptureSpec, Demand
from edged.model.fetching import ModelFile
from edged.model.intake import Intake
from edged.model.messages import JobSpec, Library, LinkSpec
from edged.model.recordings import Keeping, SourceKeeping
from edged.model.redact import is_secret_name, redact_url
from edged.model.sampling import SampleOn, Sampling
from edged.model.scene import Calibration, Scene
from edged.planning.model_url import locate_model
from edged.planning.outputs import LivePlan, plan_live
from edged.planning.source_url import locate_source
from edged.settings import Job, Link, Loaded, Settings, Source

_SPARE_SLOTS = 2
"""One to write into and one with the newest frame, beside what each reader may hold."""
_MEANWHILE_SLOTS = 8
"""Frames that may come while a job waits for its turn: a quarter of a second at 30 per second."""
_SEEING_S = 3.0
"""From a frame's capture to the word of its event: by then so much more has come, and the seconds before the
event must still be there."""
_ENGINES = "engines"
"""The folder, below that of the storage, for what execution providers build of models."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a source or a job cannot be started as it stands."""

    problems: tuple[Problem, ...]
    """At least one; their paths are those of the file."""

    @property
    def code(self) -> str:
        return self.problems[0].code

    @property
    def message(self) -> str:
        """All that is wrong, each said once."""
        return "; ".join(dict.fromkeys(problem.message for problem in self.problems))


@dataclass(frozen=True, slots=True)
class JobPlan:
    """A job, and the worker that shall run it."""

    spec: JobSpec
    worker: str
    enabled: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """What should run. Sources that failed here have no capture; their jobs run without them."""

    captures: dict[str, CaptureSpec] = field(default_factory=dict)
    jobs: dict[str, JobPlan] = field(default_factory=dict)
    library: Library = field(default_factory=Library)
    scenes: dict[str, Scene] = field(default_factory=dict)
    failed_sources: dict[str, Failure] = field(default_factory=dict)
    failed_jobs: dict[str, Failure] = field(default_factory=dict)
    models: dict[str, ModelFile] = field(default_factory=dict)
    """Those that the spec brings along."""
    failed_models: dict[str, Failure] = field(default_factory=dict)
    """The jobs that name them are among those that failed, too."""
    keeping: Keeping = field(default_factory=Keeping)
    """How much is kept of what is recorded."""
    live: LivePlan = field(default_factory=LivePlan)
    failed_outputs: dict[str, Failure] = field(default_factory=dict)
    intakes: dict[str, Intake] = field(default_factory=dict)
    """Of all sources, as `scenes`."""


def make_plan(loaded: Loaded, folder: Path) -> Plan:
    """``folder`` is where relative paths of the file start."""
    spec = loaded.settings.spec
    captures: dict[str, CaptureSpec] = {}
    failed: dict[str, Failure] = {}
    for name, source in spec.sources.items():
        try:
            captures[name] = _capture(name, source, loaded, folder)
        except SpecRejected as rejected:
            failed[name] = Failure(rejected.problems)
    everything = tuple(spec.sources)
    brought = _Brought.of(loaded)
    jobs: dict[str, JobPlan] = {}
    failed_jobs: dict[str, Failure] = {}
    for name, job in spec.jobs.items():
        try:
            jobs[name] = _job(name, job, everything, loaded, brought)
        except SpecRejected as rejected:
            failed_jobs[name] = Failure(rejected.problems)
    live, failed_outputs = plan_live(loaded, {name: job.spec for name, job in jobs.items() if job.enabled})
    library = Library(
        algorithms=tuple(map(str, loaded.settings.algorithms)),
        models=tuple(map(str, loaded.settings.models)),
        cache=str(loaded.settings.storage.path / _ENGINES),
    )
    return Plan(
        captures=captures,
        jobs=jobs,
        library=library,
        scenes={name: _scene(source) for name, source in spec.sources.items()},
        intakes={name: Intake(source.size, source.fps) for name, source in spec.sources.items()},
        failed_sources=failed,
        failed_jobs=failed_jobs,
        models=brought.models,
        failed_models=brought.failed,
        keeping=_keeping(loaded.settings),
        live=live,
        failed_outputs={name: Failure(rejected.problems) for name, rejected in failed_outputs.items()},
    )


@dataclass(frozen=True, slots=True)
class _Brought:
    """The models that the spec brings along."""

    models: dict[str, ModelFile]
    failed: dict[str, Failure]

    @classmethod
    def of(cls, loaded: Loaded) -> _Brought:
        brought = cls({}, {})
        for name, model in loaded.settings.spec.models.items():
            try:
                brought.models[name] = locate_model(name, model, loaded)
            except SpecRejected as rejected:
                brought.failed[name] = Failure(rejected.problems)
        return brought

    def named_in(self, params: Any, problems: list[Problem]) -> dict[str, str]:
        """The paths of those that params name, by name; those that cannot be had add problems."""
        named = dict.fromkeys(text for _, text in _texts(params, ""))
        for name in named:
            if name in self.failed:
                problems.extend(self.failed[name].problems)
        return {name: self.models[name].path for name in sorted(named) if name in self.models}


def demand_of(samplings: Iterable[Sampling]) -> Demand:
    """What the jobs with these samplings need of their source."""
    wanted = tuple(samplings)
    frames = [sampling for sampling in wanted if sampling.on is SampleOn.FRAMES]
    windows = [sampling for sampling in wanted if sampling.on is SampleOn.KEYFRAMES and sampling.count > 1]
    distinct = {(sampling.on, sampling.interval_us) for sampling in wanted}
    distinct |= {(sampling.on, 0) for sampling in windows}
    deepest = max((sampling.reach for sampling in windows), default=0)
    return Demand(
        every_frame=any(sampling.count > 1 or sampling.interval_us == 0 for sampling in frames),
        samplings=tuple(Sampling(interval_us=interval_us, on=on) for on, interval_us in sorted(distinct)),
        keyframes_only=bool(wanted) and not frames,
        keep_keyframes=deepest and deepest + min(deepest - 1, _MEANWHILE_SLOTS),
    )


def reaches_of(wanted: Iterable[tuple[str, Sampling]]) -> dict[str, int]:
    """How many frames on end the deepest window of each worker spans; keyframes lie apart, each is one."""
    reaches: dict[str, int] = {}
    for worker, sampling in wanted:
        reach = sampling.reach if sampling.on is SampleOn.FRAMES else 1
        reaches[worker] = max(reaches.get(worker, 1), reach)
    return reaches


def slots_for(reaches: Mapping[str, int], demand: Demand) -> int:
    """How many slots a track needs, given its demand and `reaches_of` its readers.

    Where every frame is copied, those that come while a worker is busy with one job must not push out
    what another waits to look at: room for some more. Not if all jobs take whatever frame is newest.
    """
    deepest = max(reaches.values(), default=1)
    waits = deepest > 1 or any(sampling.interval_us for sampling in demand.samplings)
    meanwhile = _MEANWHILE_SLOTS if demand.every_frame and waits else 0
    return deepest + meanwhile + demand.keep_keyframes + len(reaches) + _SPARE_SLOTS


def _capture(name: str, source: Source, loaded: Loaded, folder: Path) -> CaptureSpec:
    url = locate_source(source.url, loaded, folder, path=f"spec.sources.{name}.url")
    return CaptureSpec(
        revision=0,
        source=name,
        url=url,
        redacted_url=redact_url(source.url),
        enabled=source.enabled,
        size=source.size,
        fps=source.fps,
        transport=source.transport,
        loop=source.loop,
        timeout_s=source.timeout,
        hwaccel=source.hwaccel,
        masks=tuple(tuple((x, y) for x, y in polygon) for polygon in source.masks.values()),
        buffer_s=max((source.buffer, *_wanted_before(name, loaded))),
        folder=str(loaded.settings.recordings.path / name) if loaded.settings.recordings.path else "",
        recording=None if source.record is None else source.record.to_recording(),
    )


def _wanted_before(source: str, loaded: Loaded) -> Iterator[float]:
    """What clips of its jobs' events need to be kept in memory, in seconds."""
    spec = loaded.settings.spec
    for name, job in spec.jobs.items():
        if job.record is not None and job.enabled and source in spec.sources_of(name):
            yield job.record.before + _SEEING_S


def _keeping(settings: Settings) -> Keeping:
    recordings = settings.recordings
    return Keeping(
        folder=str(recordings.path) if recordings.path else "",
        max_mb=recordings.max_mb,
        max_days=recordings.max_days,
        sources={
            name: SourceKeeping(source.record.max_mb, source.record.max_days)
            for name, source in settings.spec.sources.items()
            if source.record is not None
        },
    )


def _scene(source: Source) -> Scene:
    known = source.calibration
    return Scene(
        zones=dict(source.zones),
        lines=dict(source.lines),
        masks=dict(source.masks),
        calibration=None if known is None else Calibration(known.image, known.ground),
    )


def _job(name: str, job: Job, everything: tuple[str, ...], loaded: Loaded, brought: _Brought) -> JobPlan:
    """Raises `SpecRejected` with every reference that cannot be resolved."""
    path = f"spec.jobs.{name}"
    links: dict[str, Link] = {path: job} | {
        f"{path}.then.{place}": link for place, link in enumerate(job.then)
    }
    problems: list[Problem] = []
    chain = tuple(_link(link, at, loaded, brought, problems) for at, link in links.items())
    if problems:
        raise SpecRejected(problems)
    spec = JobSpec(
        name=name,
        sources=everything if job.sources == "*" else tuple(job.sources),
        chain=chain,
        sampling=job.sampling.to_sampling(),
        deadline_s=job.deadline,
        publish_when=job.publish.when,
        qos=job.publish.qos,
        gate=job.to_gate(),
        image=job.publish.to_image_order(),
        clips=None if job.record is None else job.record.to_order(),
    )
    return JobPlan(spec, job.worker, job.enabled)


def _link(link: Link, path: str, loaded: Loaded, brought: _Brought, problems: list[Problem]) -> LinkSpec:
    params = dict(link.params)
    resolved = _resolved(params, f"{path}.params", loaded, problems)
    models = brought.named_in(resolved, problems)
    if problems:
        return LinkSpec(link.algorithm)
    hidden = dict.fromkeys(_hidden(params, f"{path}.params", loaded))
    files = _files(params, resolved, path, loaded)
    return LinkSpec(link.algorithm, resolved, tuple(hidden), files, models)


def _files(params: Any, resolved: Any, path: str, loaded: Loaded) -> tuple[str, ...] | None:
    """Which models outside the library's folders a link may open: those that the device's own file names.

    The same for a link that is as the file has it, whatever else was patched: so it runs on.
    """
    if not loaded.references.from_network or path in loaded.references.trust.links:
        return None
    texts = zip(_texts(params, f"{path}.params"), _texts(resolved, ""), strict=True)
    own = (meant for (at, text), (_, meant) in texts if loaded.references.trusts(text, path=at))
    return tuple(dict.fromkeys(text for text in own if text.startswith("/")))


def _texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """(path, text) of every text in params, in their order."""
    if isinstance(value, str):
        yield path, value
    for key, item in _below(value):
        yield from _texts(item, f"{path}.{key}")


def _below(value: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(value, Mapping):
        return value.items()
    return enumerate(value) if isinstance(value, (list, tuple)) else ()


def _hidden(value: Any, path: str, loaded: Loaded, *, secret: bool = False) -> Iterator[str]:
    """What references in params stand for, and texts and numbers below keys such as ``password``."""
    if isinstance(value, str):
        yield from loaded.references.values(value, path=path, host=None)
        if secret:
            yield loaded.references.resolve(value, path=path, host=None)
    elif secret and isinstance(value, (int, float)) and not isinstance(value, bool):
        yield str(value)
    for key, item in _below(value):
        is_secret = secret or is_secret_name(str(key))
        yield from _hidden(item, f"{path}.{key}", loaded, secret=is_secret)


def _resolved(value: Any, path: str, loaded: Loaded, problems: list[Problem]) -> Any:
    """Params with their references resolved, however deep they lie; those that cannot be add problems."""
    if isinstance(value, str) and "${" in value:
        try:
            return loaded.references.resolve(value, path=path, host=None)
        except SpecRejected as rejected:
            problems.extend(rejected.problems)
    elif isinstance(value, Mapping):
        return {key: _resolved(item, f"{path}.{key}", loaded, problems) for key, item in value.items()}
    elif isinstance(value, (list, tuple)):
        return [_resolved(item, f"{path}.{place}", loaded, problems) for place, item in enumerate(value)]
    return value
