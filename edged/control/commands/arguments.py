"""What each command takes, and what is wrong with arguments that it does not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

from pydantic import Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from edged.control.commands.request import CommandFailed
from edged.errors import Problem
from edged.settings.document import dotted
from edged.settings.fields import MAX_SIDE_PX, Flag, Name, Number, Section, Text, Whole, refuse
from edged.settings.job_section import MOST_AFTER_S
from edged.settings.nearest import did_you_mean
from edged.settings.source_section import MOST_BUFFERED_S

MOST_LOG_LINES = 200
MOST_LISTED = 1000
"""Recordings in one answer: some 200 bytes each."""
_MOST_KEYS = 32
_MOST_PROBLEMS = 20
_MOST_OPS = 1000
_WORDS = {
    "string_pattern_mismatch": "should have 1 to 64 letters, digits, _ or - and nothing else",
    "string_type": "should be text",
    "bool_type": "should be true or false",
    "int_type": "should be a whole number",
    "float_type": "should be a number",
    "dict_type": "should be an object: {…}",
    "list_type": "should be a list: […]",
}


class Nothing(Section):
    """For a command without arguments."""


class Get(Section):
    what: Literal["spec", "schema", "info", "stats", "logs", "recordings"]
    lines: Annotated[Whole, Field(ge=1, le=MOST_LOG_LINES)] | None = None
    """For logs; default: as many as there may be."""
    source: Name | None = None
    """Whose recordings; default: of all."""
    limit: Annotated[Whole, Field(ge=1, le=MOST_LISTED)] | None = None
    """For recordings; default: 100."""

    @model_validator(mode="after")
    def _what_for(self) -> Get:
        for name, what in (("lines", "logs"), ("source", "recordings"), ("limit", "recordings")):
            if getattr(self, name) is not None and self.what != what:
                raise refuse(f"{name} is for what: {what}; leave it out")
        return self


class Validate(Section):
    spec: dict[str, Any]


class Patch(Section):
    spec: dict[str, Any] | None = None
    """An RFC 7396 merge patch."""
    ops: Annotated[list[Any], Field(max_length=_MOST_OPS)] | None = None
    """RFC 6902 operations; whoever applies them checks them."""
    expect_local: Annotated[Whole, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _one_change(self) -> Patch:
        _exactly_one(self, "spec", "ops")
        return self


class Snapshot(Section):
    source: Name
    job: Name | None = None
    quality: Annotated[Whole, Field(ge=1, le=100)] = 80
    max_width: Annotated[Whole, Field(ge=16, le=MAX_SIDE_PX)] | None = None


class Record(Section):
    source: Name
    before: Annotated[Number, Field(ge=0, le=MOST_BUFFERED_S)] = 5.0
    """Seconds; as far as they are kept, which the source's buffer and its jobs' record say."""
    after: Annotated[Number, Field(ge=0, le=MOST_AFTER_S)] = 10.0

    @model_validator(mode="after")
    def _some_time(self) -> Record:
        if not self.before and not self.after:
            raise refuse("needs some seconds before, or after")
        return self


class Probe(Section):
    url: Text
    timeout: Annotated[Number, Field(ge=0.1, le=60)] = 10.0
    """Seconds for each of its two steps: to connect, and to look at what comes."""


class Resume(Section):
    source: Name | None = None
    job: Name | None = None

    @model_validator(mode="after")
    def _one_target(self) -> Resume:
        _exactly_one(self, "source", "job")
        return self


class Pause(Resume):
    paused: Flag = True
    """False resumes: for switches, such as Home Assistant's, that have one topic for both."""


class Restart(Section):
    source: Name | None = None
    job: Name | None = None
    worker: Name | None = None
    daemon: Flag | None = None

    @model_validator(mode="after")
    def _one_target(self) -> Restart:
        if self.daemon is False:
            raise refuse("daemon should be true, or left out")
        _exactly_one(self, "source", "job", "worker", "daemon")
        return self


Model = TypeVar("Model", bound=Section)


def read_arguments(model: type[Model], given: Mapping[str, Any]) -> Model:
    """Raises `CommandFailed` with every problem, up to 20, in its message and its data. Shows no values."""
    if len(given) > _MOST_KEYS:
        raise CommandFailed("invalid", f"has {len(given)} keys; {_known(model)}")
    try:
        return model.model_validate(dict(given))
    except ValidationError as error:
        details = error.errors(include_url=False)[:_MOST_PROBLEMS]
        raise rejected([_problem(detail, model) for detail in details]) from None


def rejected(problems: Sequence[Problem]) -> CommandFailed:
    """All problems as one error; its code is that of the first."""
    shown = [
        {"path": problem.path.removeprefix("spec."), "code": problem.code, "message": problem.message}
        for problem in problems
    ]
    message = "; ".join(": ".join(filter(None, (each["path"], each["message"]))) for each in shown)
    return CommandFailed(problems[0].code, message, {"errors": shown})


def _problem(detail: ErrorDetails, model: type[Section]) -> Problem:
    kind, parts = detail["type"], detail["loc"]
    path = dotted(parts)
    if kind == "extra_forbidden":
        near = did_you_mean(str(parts[-1]), model.model_fields)
        return Problem(path, f"is not known here{near or f'; {_known(model)}'}", "unknown_key")
    choices = _choices(model, parts)
    if kind == "missing":
        return Problem(path, f"is missing; give {' or '.join(choices) or 'it'}")
    if kind == "literal_error":
        near = did_you_mean(str(detail["input"])[:64], choices)
        return Problem(path, f"should be {' or '.join(choices)}{near}")
    return Problem(path, _WORDS.get(kind) or detail["msg"].removeprefix("Input "))


def _choices(model: type[Section], parts: Sequence[str | int]) -> tuple[str, ...]:
    """The words that one of ours may be; none where it may be anything of its type."""
    field = model.model_fields.get(str(parts[0])) if parts else None
    is_choice = field is not None and get_origin(field.annotation) is Literal
    return get_args(field.annotation) if field is not None and is_choice else ()


def _known(model: type[Section]) -> str:
    fields = ", ".join(model.model_fields)
    return f"known: id, {fields}" if fields else "it takes no arguments but id"


def _exactly_one(section: Section, *names: str) -> None:
    given = [name for name in names if getattr(section, name) is not None]
    if len(given) != 1:
        choices = f"{', '.join(names[:-1])} or {names[-1]}"
        raise refuse(f"needs exactly one of {choices}{', not ' + ' and '.join(given) if given else ''}")
