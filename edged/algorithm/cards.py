"""What ``edged algos`` says of an algorithm."""

from __future__ import annotations

import inspect
import json
import types
import typing
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo

from edged.algorithm.base import Algorithm
from edged.model.messages import AlgorithmCard, EventCard, ParamCard


def card_of(name: str, path: Path, algorithm: type[Algorithm]) -> AlgorithmCard:
    """The card of an algorithm that imports."""
    fields = algorithm.Params.model_fields.items()
    return AlgorithmCard(
        name=name,
        summary=algorithm.summary or _first_line(algorithm),
        file=str(path),
        params=tuple(_param(field.alias or key, field) for key, field in fields),
        returns=algorithm.returns,
        events=_events(algorithm),
    )


def failed_card(name: str, path: Path, error: str) -> AlgorithmCard:
    """The card of a file that cannot be used."""
    return AlgorithmCard(name=name, summary="", file=str(path), error=error)


def _first_line(algorithm: type[Algorithm]) -> str:
    return inspect.cleandoc(algorithm.__doc__ or "").partition("\n")[0]


def _events(algorithm: type[Algorithm]) -> tuple[EventCard, ...] | None:
    if algorithm.sends is None:
        return None
    return tuple(EventCard(kind, told) for kind, told in algorithm.sends.items())


def _param(name: str, field: FieldInfo) -> ParamCard:
    default = "required" if field.is_required() else _value(field.get_default(call_default_factory=False))
    return ParamCard(
        name=name, type=_type_name(field.annotation), default=default, description=field.description or ""
    )


def _value(value: Any) -> str:
    """A default as it would stand in the spec."""
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _type_name(kind: Any) -> str:
    """A type as people write it: ``list[str] or null``, ``auto|letterbox``."""
    if kind is None or kind is type(None):
        return "null"
    if kind is Any:
        return "any"
    if isinstance(kind, type) and issubclass(kind, Enum):
        return "|".join(str(choice.value) for choice in kind)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        return _type_name(arguments[0])
    if origin is typing.Literal:
        return "|".join(str(choice) for choice in arguments)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_type_name(choice) for choice in arguments)
    if origin is not None:
        inner = ", ".join("…" if choice is Ellipsis else _type_name(choice) for choice in arguments)
        return f"{origin.__name__}[{inner}]"
    return getattr(kind, "__name__", str(kind))
