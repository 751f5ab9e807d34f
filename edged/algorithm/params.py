"""Params of a spec against what an algorithm declares: what is wrong, where, and what would be right."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from edged.algorithm.base import Algorithm
from edged.errors import AlgorithmError
from edged.model.redact import hide, is_secret_name, redact_value

_LONGEST = 60
_ALIKE = 0.65
"""From here on a name may be meant by another."""
_KINDS = {
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "string_type": "text",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "none_required": "null",
}
"""What is wanted, by pydantic's type of error."""


class ParamsInvalid(AlgorithmError):
    """Params that the algorithm does not take."""

    code = "invalid"

    def __init__(self, message: str, *, path: str, code: str = "invalid") -> None:
        """``path`` of the first problem below ``params``: ``score``, ``labels.0``."""
        super().__init__(message, code=code)
        self.path = path


def parse_params(
    algorithm: type[Algorithm], params: Mapping[str, Any], hidden: Collection[str] = ()
) -> BaseModel:
    """Validate ``params``; raises `ParamsInvalid` naming every problem, the first one's path in ``path``.

    A value is repeated only where it can be no secret: not below a key such as ``password``, no
    password in a URL, and not where any of ``hidden`` is in it.
    """
    try:
        return algorithm.Params.model_validate(dict(params))
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False)
    # raised outside: the error of pydantic repeats every value, and must be in no traceback
    known = param_names(algorithm.Params)
    by_path: dict[str, list[Any]] = {}
    for problem in problems:
        by_path.setdefault(_path(problem, params), []).append(problem)
    for path in tuple(by_path):  # of a value that may be of several kinds, only what is wrong deepest counts
        if any(other.startswith(f"{path}.") for other in by_path):
            del by_path[path]
    lines = [f"{path}: {_message(found, known, hidden)}" for path, found in by_path.items()]
    code = "unknown_key" if problems[0]["type"] == "extra_forbidden" else "invalid"
    raise ParamsInvalid(hide("; ".join(lines), hidden), path=next(iter(by_path)), code=code)


@contextlib.contextmanager
def blame(path: str) -> Iterator[None]:
    """Turn any `AlgorithmError` of the block into a `ParamsInvalid` that blames the param at ``path``."""
    try:
        yield
    except ParamsInvalid:
        raise
    except AlgorithmError as error:
        raise ParamsInvalid(str(error), path=path, code=error.code) from error


def param_names(params: type[BaseModel]) -> tuple[str, ...]:
    """The names a spec may give, in the order of their declaration."""
    return tuple(field.alias or name for name, field in params.model_fields.items())


def _path(problem: Any, value: Any) -> str:
    """The path of an error in the params: without what pydantic adds for unions and keys."""
    steps = []
    *above, last = problem["loc"] or ("params",)
    for step in above:
        is_key = isinstance(value, Mapping) and step in value
        if not is_key and not (isinstance(value, (list, tuple)) and isinstance(step, int)):
            continue
        value = value[step]
        steps.append(str(step))
    is_there = last in value if isinstance(value, Mapping) else isinstance(last, int)
    if is_there or not steps or problem["type"] == "missing":
        steps.append(str(last))
    return ".".join(steps)


def _message(problems: list[Any], known: tuple[str, ...], hidden: Collection[str]) -> str:
    """Of all that is wrong with one value; of several, it would do to mend one."""
    problem = problems[0]
    if problem["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(problem["loc"][-1]), known, n=1, cutoff=_ALIKE)
        if near:
            return f"no such parameter: did you mean {near[0]!r}?"
        return f"no such parameter; there are {', '.join(known)}" if known else "it takes no parameters"
    if problem["type"] == "missing":
        return "must be given"
    is_plain = problem["type"] != "value_error" or not isinstance(problem["input"], (Mapping, list, tuple))
    given = _given(problem, hidden) if is_plain else ""
    first, *others = dict.fromkeys(_wanted(each) for each in problems)
    wanted = ", or ".join((first, *(other.removeprefix("should be ") for other in others)))
    return wanted + (f", not {given}" if given else "")


def _wanted(problem: Any) -> str:
    """In the words that the rest of the file is spoken of."""
    kind = _KINDS.get(problem["type"])
    if kind is not None:
        return f"should be {kind}"
    message = str(problem["msg"]).removeprefix("Value error, ").removeprefix("Input ")
    return f"{message[:1].lower()}{message[1:]}"


def _given(problem: Any, hidden: Collection[str]) -> str:
    """The value that is wrong, as it may be shown; empty: not at all."""
    value = problem["input"]
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    text = repr(redact_value(value))
    if any(is_secret_name(str(part)) for part in problem["loc"]) or hide(text, hidden) != text:
        return ""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
