"""A spec from the network becomes a plan, or all the reasons why it cannot be read as one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from edged.errors import Problem, SpecRejected
from edged.planning.plan import Plan, make_plan
from edged.settings import Loaded
from edged.settings.network import read_spec


def read_and_plan(value: Mapping[str, Any], file: Loaded, folder: Path) -> tuple[Loaded, Plan]:
    """`read_spec` and `make_plan`; ``file`` is the device's own, ``folder`` where its relative paths start.

    Raises `SpecRejected` as `read_spec` does, together with what the plan finds in the sources and jobs
    that are right so far: so all is told at once. What a plan that is returned failed at is in the plan.
    """
    try:
        loaded = read_spec(value, file)
    except SpecRejected as rejected:
        raise SpecRejected(
            [*rejected.problems, *_of_the_rest(rejected.problems, value, file, folder)]
        ) from None
    return loaded, make_plan(loaded, folder)


def _of_the_rest(problems: Collection[Problem], value: Any, file: Loaded, folder: Path) -> list[Problem]:
    wrong = {tuple(problem.path.split(".")[1:3]) for problem in problems}
    rest: dict[str, Any] = {"models": _sound_models(problems, value)}
    for section in ("sources", "jobs"):
        named = value.get(section) if isinstance(value, Mapping) else None
        entries = named.items() if isinstance(named, Mapping) else ()
        # a job may look at sources that are left out here
        rest[section] = {
            name: {key: item for key, item in entry.items() if (section, key) != ("jobs", "sources")}
            for name, entry in entries
            if (section, name) not in wrong and isinstance(entry, Mapping)
        }
    rest["outputs"] = _sound_outputs(wrong, value, rest["sources"])
    try:
        plan = make_plan(read_spec(rest, file), folder)
    except SpecRejected:  # what is wrong lies above them: the spec is too large, say
        return []
    failures = (
        *plan.failed_models.values(),
        *plan.failed_sources.values(),
        *plan.failed_jobs.values(),
        *plan.failed_outputs.values(),
    )
    return [problem for failure in failures for problem in failure.problems]


def _sound_outputs(wrong: Collection[tuple[str, ...]], value: Any, sources: Any) -> dict[str, Any]:
    """Those of sources that are sound too; what they draw does not matter here."""
    outputs = value.get("outputs") if isinstance(value, Mapping) else None
    return {
        name: {key: item for key, item in output.items() if key != "draw"}
        for name, output in (outputs.items() if isinstance(outputs, Mapping) else ())
        if isinstance(output, Mapping)
        and ("outputs", name) not in wrong
        and isinstance(output.get("source"), str)
        and output["source"] in sources
    }


def _sound_models(problems: Collection[Problem], value: Any) -> dict[str, Any]:
    """Those with which nothing is wrong so far. There are dots in their names."""
    models = value.get("models") if isinstance(value, Mapping) else None
    return {
        name: model
        for name, model in (models.items() if isinstance(models, Mapping) else ())
        if not any(f"{each.path}.".startswith(f"spec.models.{name}.") for each in problems)
    }
