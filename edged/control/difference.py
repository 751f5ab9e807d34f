"""What becomes of what runs when one spec takes the place of another: pure.

The device goes by its plans, in which references are resolved; this goes by the specs as they are
written, for people: what `validate` answers, what is logged. How a change of a field applies stands
beside the field.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel

from edged.settings.applies import Applies, applies_of
from edged.settings.brought import BroughtModel
from edged.settings.job_section import Job
from edged.settings.output_section import Output
from edged.settings.source_section import Source
from edged.settings.spec import Spec

_MOST_FIELDS = 3
"""In a line for people; of more than that the number is told."""


class Verb(StrEnum):
    START = "start"
    STOP = "stop"
    RESTART = "restart"
    """A source's capture is replaced; a job's algorithms are loaded anew."""
    ADJUST = "adjust"
    """What runs takes it over and runs on; what is paused will start with it."""


@dataclass(frozen=True, slots=True)
class Action:
    """What happens to one source, job or output, and because of which of its fields."""

    verb: Verb
    kind: Literal["source", "job", "output"]
    name: str
    fields: tuple[str, ...] = ()
    """As they are written below it: ``sampling.interval``; and those of models that a job uses:
    ``models.people.onnx.sha256``. Empty: all of it comes, or goes."""

    def __str__(self) -> str:
        """One line for people. An output is often named as its source is, so it says that it is one."""
        name = f"output {self.name}" if self.kind == "output" else self.name
        if not self.fields:
            return f"{name}: {'starts' if self.verb is Verb.START else 'stops'}"
        named = ", ".join(self.fields[:_MOST_FIELDS])
        more = len(self.fields) - _MOST_FIELDS
        changes = f"{name}: {named}{f' and {more} more' if more > 0 else ''}"
        does = {Verb.START: "starts", Verb.STOP: "stops", Verb.RESTART: "restarts", Verb.ADJUST: "live"}
        return f"{changes} {'changes' if len(self.fields) == 1 else 'change'}, {does[self.verb]}"


def difference(before: Spec, after: Spec) -> tuple[Action, ...]:
    """From what runs to what shall: nothing for what stays as it is; sources first."""
    return (*_sources(before, after), *_jobs(before, after), *_outputs(before, after))


def _sources(before: Spec, after: Spec) -> Iterator[Action]:
    for name in before.sources:
        if name not in after.sources:
            yield Action(Verb.STOP, "source", name)
    for name, source in after.sources.items():
        then = before.sources.get(name)
        if then is None:
            yield _new("source", name, source)
        elif changed := _changed(then, source):
            yield Action(_verb(then, source, changed), "source", name, tuple(changed))


def _jobs(before: Spec, after: Spec) -> Iterator[Action]:
    for name in before.jobs:
        if name not in after.jobs:
            yield Action(Verb.STOP, "job", name)
    for name, job in after.jobs.items():
        then = before.jobs.get(name)
        if then is None:
            yield _new("job", name, job)
            continue
        changed = _changed(then, job)
        changed.pop("sources", None)
        if set(before.sources_of(name)) != set(after.sources_of(name)):  # "*": also when sources come and go
            changed["sources"] = applies_of(Job)["sources"]
        changed |= _changed_models(before, after, job)
        if changed:
            yield Action(_verb(then, job, changed), "job", name, tuple(changed))


def _outputs(before: Spec, after: Spec) -> Iterator[Action]:
    for name in before.outputs:
        if name not in after.outputs:
            yield Action(Verb.STOP, "output", name)
    for name, output in after.outputs.items():
        then = before.outputs.get(name)
        if then is None:
            yield _new("output", name, output)
        elif changed := _changed(then, output):
            yield Action(_verb(then, output, changed), "output", name, tuple(changed))


def _changed_models(before: Spec, after: Spec, job: Job) -> Iterator[tuple[str, Applies]]:
    """What makes it load another file: what is in a model that it names, or whether the spec brings it."""
    for name in sorted(set(_texts((job.params, *(link.params for link in job.then))))):
        one, other = before.models.get(name), after.models.get(name)
        if one is None and other is None:
            continue
        if one is None or other is None or one.sha256 != other.sha256:
            yield f"models.{name}.sha256", applies_of(BroughtModel)["sha256"]


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(item)


def _new(kind: Literal["source", "job", "output"], name: str, model: Source | Job | Output) -> Action:
    """Paused from the beginning: there is nothing to start."""
    return Action(Verb.START, kind, name) if model.enabled else Action(Verb.ADJUST, kind, name, ("enabled",))


def _verb(
    before: Source | Job | Output, after: Source | Job | Output, changed: Mapping[str, Applies]
) -> Verb:
    if before.enabled != after.enabled:
        return Verb.START if after.enabled else Verb.STOP
    is_live = all(how is Applies.LIVE for how in changed.values())
    return Verb.ADJUST if is_live or not after.enabled else Verb.RESTART


def _changed(before: BaseModel, after: BaseModel) -> dict[str, Applies]:
    """The fields that differ, in the order of the spec, and how a change of each applies."""
    found: dict[str, Applies] = {}
    for name, how in applies_of(type(after)).items():
        one, other = getattr(before, name), getattr(after, name)
        if one == other:
            continue
        if isinstance(one, BaseModel) and isinstance(other, BaseModel):
            found |= {f"{name}.{inner}": applies for inner, applies in _changed(one, other).items()}
        elif isinstance(one, Mapping) and isinstance(other, Mapping):
            found |= {f"{name}.{key}": how for key in _differing_keys(one, other)}
        else:
            found[name] = how
    return found


def _differing_keys(one: Mapping[str, object], other: Mapping[str, object]) -> Iterator[str]:
    for key in {**one, **other}:
        if key not in one or key not in other or one[key] != other[key]:
            yield key
