"""Which jobs run over a video: those of a CONFIG, or the one that the command line describes."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from edged.app.commands.param_words import params_of
from edged.errors import EdgedError, Problem, SpecRejected
from edged.model.intake import Intake
from edged.model.messages import JobSpec, Library
from edged.model.scene import Scene
from edged.planning.plan import Plan, make_plan
from edged.settings import Loaded, load_settings, parse_settings
from edged.settings.nearest import did_you_mean

_DETECTOR = "detector"
_COMMAND_LINE = "command line"


@dataclass(frozen=True, slots=True)
class Described:
    """A job, as the options of the command line say."""

    algorithm: str | None = None
    model: Path | None = None
    params: tuple[str, ...] = ()
    labels: str | None = None
    interval_s: float | None = None
    then: tuple[str, ...] = ()
    folders: tuple[Path, ...] = ()

    @property
    def given(self) -> tuple[str, ...]:
        """The options that say something."""
        said = {
            "--algorithm": self.algorithm, "--model": self.model, "--param": self.params,
            "--labels": self.labels, "--then": self.then, "--folder": self.folders,
        }  # fmt: skip
        interval = () if self.interval_s is None else ("--interval",)
        return (*(option for option, value in said.items() if value), *interval)


@dataclass(frozen=True, slots=True)
class Jobs:
    """All that may run, and over what."""

    specs: Mapping[str, JobSpec]
    library: Library
    loaded: Loaded
    scenes: Mapping[str, Scene]
    """By source of the CONFIG."""
    intakes: Mapping[str, Intake] = field(default_factory=dict)
    """As well."""

    @property
    def device(self) -> str:
        return self.loaded.settings.device

    def source_for(self, url: str) -> str | None:
        """The source of the CONFIG that a video is of: the one with the same file name; the only one; the
        only one that the jobs name.
        """
        sources = self.loaded.settings.spec.sources
        same = [name for name, source in sources.items() if _file_name(source.url) == _file_name(url)]
        named = {source for spec in self.specs.values() for source in spec.sources}
        for candidates in (same, list(sources), list(named)):
            if len(candidates) == 1:
                return candidates[0]
        return None

    def names_for(self, source: str | None) -> tuple[str, ...]:
        """The jobs over a video of this source; of none, or of one that no job looks at: all."""
        fitting = tuple(name for name, spec in self.specs.items() if source in spec.sources)
        return fitting or tuple(self.specs)


def jobs_of_config(config: Path, chosen: Sequence[str]) -> Jobs:
    """Those that are enabled, or ``chosen`` ones. Raises `SpecRejected`, `EdgedError`."""
    loaded = load_settings(config)
    plan = make_plan(loaded, config.absolute().parent)
    known = {**plan.jobs, **plan.failed_jobs}
    for name in chosen:
        if name not in known:
            raise EdgedError(f"{config}: there is no job {name}{did_you_mean(name, known)}", code="not_found")
    enabled = [name for name in known if name not in plan.jobs or plan.jobs[name].enabled]
    return _jobs(plan, loaded, chosen or enabled, str(config))


def jobs_described(described: Described) -> Jobs:
    """The one. Raises ValueError for params that are none, `SpecRejected`, `EdgedError`."""
    link: dict[str, Any] = {
        "algorithm": described.algorithm or _DETECTOR,
        "params": params_of(described.params),
    }
    if described.model is not None:
        if not described.model.is_file():
            raise EdgedError(
                f"there is no file {described.model}: name one; `edged models list` shows some to pull",
                code="model_not_found",
            )
        link["params"]["model"] = str(described.model.absolute())
    if described.labels is not None:
        link["params"]["labels"] = [label.strip() for label in described.labels.split(",") if label.strip()]
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", link["algorithm"]).strip("-")[:64] or "job"
    job = {
        **link,
        "sampling": {} if described.interval_s is None else {"interval": described.interval_s},
        "then": [_link(words) for words in described.then],
    }
    models = [str(described.model.absolute().parent)] if described.model is not None else []
    folders = [str(folder.absolute()) for folder in described.folders]
    document = {"models": models, "algorithms": folders, "spec": {"jobs": {name: job}}}
    try:
        loaded = parse_settings(json.dumps(document), file=_COMMAND_LINE, folder=Path.cwd())
        return _jobs(make_plan(loaded, Path.cwd()), loaded, [name], _COMMAND_LINE)
    except SpecRejected as rejected:
        raise SpecRejected([_placeless(problem, name) for problem in rejected.problems]) from None


def _link(words: str) -> dict[str, Any]:
    """``tracker`` or ``zones dwell=5``."""
    name, *params = shlex.split(words) or [""]
    return {"algorithm": name, "params": params_of(params)}


def _jobs(plan: Plan, loaded: Loaded, names: Iterable[str], where: str) -> Jobs:
    wanted = list(names)
    problems = [
        problem for name in wanted if name in plan.failed_jobs for problem in plan.failed_jobs[name].problems
    ]
    if problems:
        raise SpecRejected(problems)
    if not wanted:
        raise EdgedError(f"{where}: no job is enabled in it; choose one with --job NAME", code="invalid")
    specs = {name: replace(plan.jobs[name].spec, qos=1) for name in wanted}
    return Jobs(specs, plan.library, loaded, plan.scenes, plan.intakes)


def _placeless(problem: Problem, name: str) -> Problem:
    """A place in what the command line was turned into helps nobody."""
    path = problem.path.removeprefix(f"spec.jobs.{name}.")
    return replace(problem, path=path, file="", line=0, column=0)


def _file_name(url: str) -> str | None:
    """``gate.mp4`` of a path or URL that ends with it."""
    path = urlsplit(url).path if "://" in url else url
    return path.rpartition("/")[2] or None
