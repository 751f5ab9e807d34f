"""Jobs as a program describes them: by the path of a config, or as a mapping like ``spec.jobs``."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from edged.errors import Problem, SpecRejected
from edged.model.intake import Intake
from edged.model.messages import JobSpec
from edged.model.scene import Scene
from edged.offline.engine.engine import Setup
from edged.planning.plan import Plan, make_plan
from edged.settings import Loaded, Spec, load_settings, parse_settings

Jobs: TypeAlias = str | Path | Mapping[str, Any]
"""The path of a config; jobs by name as in its ``spec.jobs``; or one job alone."""
Polygons: TypeAlias = Mapping[str, Sequence[Sequence[float]]]
"""By name, points in fractions of the frame."""
Folders: TypeAlias = str | Path | Sequence[str | Path]

_SOURCE = "video"
_STAND_IN = "video.mp4"
"""A spec's source has a name and a URL, whatever is looked at then."""


@dataclass(frozen=True, slots=True)
class Own:
    """What a program says itself, beside or instead of what stands in a config."""

    models: Folders = ()
    algorithms: Folders = ()
    zones: Polygons | None = None
    lines: Polygons | None = None
    masks: Polygons | None = None

    @property
    def scene(self) -> dict[str, Polygons]:
        """Those that it says, by key."""
        given = {"zones": self.zones, "lines": self.lines, "masks": self.masks}
        return {key: value for key, value in given.items() if value is not None}


def describe(source: str | Path, jobs: Jobs, own: Own) -> Setup:
    """What to run on a video. Raises `SpecRejected` with all that is wrong, as ``edged check`` does."""
    name = source_name(source)
    if isinstance(jobs, Mapping):
        loaded, plan = _of_mapping(jobs, own)
        seen, library = _SOURCE, plan.library
    else:
        loaded, plan, seen = _of_config(Path(jobs), source)
        library = replace(
            plan.library,
            models=(*plan.library.models, *_paths(own.models)),
            algorithms=(*plan.library.algorithms, *_paths(own.algorithms)),
        )
    chosen = _chosen(plan, loaded.settings.spec, seen)
    scene = plan.scenes.get(seen)
    if own.scene:
        scene = _changed(scene or Scene(), own.scene)
    intake = plan.intakes.get(seen, Intake())
    return Setup(chosen, library, scene, loaded.settings.device, name, intake)


def source_name(source: str | Path) -> str:
    """The name of a video in results: that of its file, without its end."""
    path = urlsplit(str(source)).path if "://" in str(source) else str(source)
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", Path(path).stem).strip("-")
    return stem[:64] or "video"


def _of_mapping(jobs: Mapping[str, Any], own: Own) -> tuple[Loaded, Plan]:
    if isinstance(jobs.get("algorithm"), str):
        job = re.sub(r"[^A-Za-z0-9_-]+", "-", jobs["algorithm"])[:64]
        jobs = {job: jobs}
    document: dict[str, Any] = {"spec": {"sources": {_SOURCE: {"url": _STAND_IN}}, "jobs": jobs}}
    folders = {"models": _paths(own.models), "algorithms": _paths(own.algorithms)}
    return _planned({**document, **{key: paths for key, paths in folders.items() if paths}})


def _planned(document: Mapping[str, Any]) -> tuple[Loaded, Plan]:
    """Raises `SpecRejected`, whose places are keys: there are no lines."""
    folder = Path.cwd()
    try:
        loaded = parse_settings(_as_text(document), file="", folder=folder)
    except SpecRejected as rejected:
        raise _without_lines(rejected.problems) from None
    return loaded, make_plan(loaded, folder)


def _as_text(document: Mapping[str, Any]) -> str:
    try:
        return json.dumps(document, default=_plain)
    except (TypeError, ValueError) as error:
        raise SpecRejected([Problem("spec.jobs", f"is not plain data: {error}")]) from None


def _plain(value: Any) -> Any:
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, type):
        raise TypeError(
            f"{value.__name__} is a class; name it as a text, 'file:{value.__name__}', and say in which "
            "folder that file is with algorithms="
        )
    raise TypeError(f"{value!r} is neither a text, a number, a list nor a mapping")


def _of_config(config: Path, source: str | Path) -> tuple[Loaded, Plan, str]:
    """With the name of the source of the config that the video is, or stands for; empty: none."""
    loaded = load_settings(config)
    plan = make_plan(loaded, config.resolve().parent)
    spec = loaded.settings.spec
    file = Path(urlsplit(str(source)).path).name
    same = [name for name, one in spec.sources.items() if Path(urlsplit(one.url).path).name == file]
    if same or len(spec.sources) == 1:
        return loaded, plan, (same or list(spec.sources))[0]
    listed = {spec.sources_of(name) for name, job in spec.jobs.items() if job.enabled}
    only = next(iter(listed)) if len(listed) == 1 else ()
    return loaded, plan, only[0] if len(only) == 1 else ""


def _chosen(plan: Plan, spec: Spec, seen: str) -> tuple[JobSpec, ...]:
    """Those that are on, and look at ``seen`` if that is known."""
    on = [
        name for name, job in spec.jobs.items() if job.enabled and (not seen or seen in spec.sources_of(name))
    ]
    problems = [
        problem for name in on if name in plan.failed_jobs for problem in plan.failed_jobs[name].problems
    ]
    if problems:
        raise SpecRejected(problems)
    if not on:
        of = f" that looks at {seen}" if seen and spec.jobs else ""
        raise SpecRejected([Problem("spec.jobs", f"names no job{of} to run")])
    return tuple(plan.jobs[name].spec for name in on)


def _changed(scene: Scene, own: Mapping[str, Polygons]) -> Scene:
    """Checked as those of a config are."""
    points = {
        key: {name: [[float(x), float(y)] for x, y in places] for name, places in named.items()}
        for key, named in own.items()
    }
    _, plan = _planned({"spec": {"sources": {_SOURCE: {"url": _STAND_IN, **points}}}})
    return replace(scene, **{key: getattr(plan.scenes[_SOURCE], key) for key in own})


def _paths(folders: Folders) -> tuple[str, ...]:
    given: Iterable[str | Path] = (folders,) if isinstance(folders, str | Path) else folders
    return tuple(str(Path(folder).expanduser().absolute()) for folder in given)


def _without_lines(problems: Sequence[Problem]) -> SpecRejected:
    return SpecRejected([replace(problem, file="", line=0, column=0) for problem in problems])
