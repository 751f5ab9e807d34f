"""Params of a spec against what an algorithm declares: what is wrong, where, and what would be right."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from edged.algorithm.base import Algorithm
from edged.errors import AlgorithmError


class ParamsInvalid(AlgorithmError):
    """Params that the algorithm does not take."""

    code = "invalid"

    def __init__(self, message: str, *, path: str, code: str = "invalid") -> None:
        """``path`` of the first problem below ``params``: ``score``, ``labels.0``."""
        super().__init__(message, code=code)
        self.path = path


def parse_params(algorithm: type[Algorithm], params: Mapping[str, Any]) -> BaseModel:
    """Validate ``params``; raises `ParamsInvalid` naming every problem, the first one's path in ``path``."""
    try:
        return algorithm.Params.model_validate(dict(params))
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False)
        known = param_names(algorithm.Params)
        lines = [f"{_path(problem['loc'])}: {_message(problem, known)}" for problem in problems]
        first = problems[0]
        code = "unknown_key" if first["type"] == "extra_forbidden" else "invalid"
        raise ParamsInvalid("; ".join(lines), path=_path(first["loc"]), code=code) from error


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


def _message(problem: Any, known: tuple[str, ...]) -> str:
    if problem["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(problem["loc"][-1]), known, n=1, cutoff=0.5)
        if near:
            return f"no such parameter: did you mean {near[0]!r}?"
        return f"no such parameter; there are {', '.join(known)}" if known else "it takes no parameters"
    if problem["type"] == "missing":
        return "must be given"
    message = str(problem["msg"])
    return f"{message[:1].lower()}{message[1:]}, not {_short(problem['input'])}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
