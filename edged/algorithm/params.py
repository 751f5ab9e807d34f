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
    lines = [f"{_path(problem['loc'])}: {_message(problem, known, hidden)}" for problem in problems]
    first = problems[0]
    code = "unknown_key" if first["type"] == "extra_forbidden" else "invalid"
    raise ParamsInvalid(hide("; ".join(lines), hidden), path=_path(first["loc"]), code=code)


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


def _path(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location) or "params"


def _message(problem: Any, known: tuple[str, ...], hidden: Collection[str]) -> str:
    if problem["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(problem["loc"][-1]), known, n=1, cutoff=0.5)
        if near:
            return f"no such parameter: did you mean {near[0]!r}?"
        return f"no such parameter; there are {', '.join(known)}" if known else "it takes no parameters"
    if problem["type"] == "missing":
        return "must be given"
    message = str(problem["msg"])
    given = _given(problem, hidden)
    return f"{message[:1].lower()}{message[1:]}" + (f", not {given}" if given else "")


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
