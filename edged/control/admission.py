"""A spec from the network becomes a plan, or all the reasons why it does not.

It is stricter than with the device's own file: there what is wrong with one source or job fails that
one alone, here it refuses the whole.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edged.control.plan import Plan, make_plan
from edged.errors import Problem, SpecRejected
from edged.settings import Loaded
from edged.settings.network import read_spec


@dataclass(frozen=True, slots=True)
class Admitted:
    """Valid as a whole, and not proved yet."""

    loaded: Loaded
    plan: Plan
    """Nothing in it failed."""


def admit(value: Mapping[str, Any], loaded: Loaded, folder: Path) -> Admitted:
    """Read ``value`` as `read_spec` does and plan it; ``loaded`` and ``folder`` are of the device's own file.

    Raises `SpecRejected` with every problem, also those that the plan alone finds, of the parts that
    are right so far.
    """
    try:
        read = read_spec(value, loaded)
    except SpecRejected as rejected:
        raise SpecRejected(_with_those_of_the_rest(rejected.problems, value, loaded, folder)) from None
    plan = make_plan(read, folder)
    problems = _failures(plan)
    if problems:
        raise SpecRejected(problems)
    return Admitted(read, plan)


def _failures(plan: Plan) -> list[Problem]:
    failures = (*plan.failed_sources.values(), *plan.failed_jobs.values())
    return [problem for failure in failures for problem in failure.problems]


def _with_those_of_the_rest(
    problems: Collection[Problem], value: Any, loaded: Loaded, folder: Path
) -> list[Problem]:
    """``problems``, and what the plan finds in sources and jobs that have none."""
    wrong = {tuple(problem.path.split(".")[1:3]) for problem in problems}
    rest: dict[str, Any] = {}
    for section in ("sources", "jobs"):
        named = value.get(section) if isinstance(value, Mapping) else None
        entries = named.items() if isinstance(named, Mapping) else ()
        # a job may look at sources that are left out here
        rest[section] = {
            name: {key: item for key, item in entry.items() if (section, key) != ("jobs", "sources")}
            for name, entry in entries
            if (section, name) not in wrong and isinstance(entry, Mapping)
        }
    try:
        return [*problems, *_failures(make_plan(read_spec(rest, loaded), folder))]
    except SpecRejected:  # what is wrong lies above them: the spec is too large, say
        return list(problems)
