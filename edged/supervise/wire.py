"""Frozen dataclasses as JSON and back, so that both ends of a channel share one definition.

Small on purpose: children must not pay for a validation library to read what main wrote.
"""

from __future__ import annotations

import json
import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints


def encode(message: object) -> bytes:
    """``["TypeName", {fields}]`` in UTF-8. Enums go by value, tuples as lists."""
    return json.dumps([type(message).__name__, _plain(message)], separators=(",", ":")).encode()


class Decoder:
    """Reads what `encode` wrote, for a closed set of message types."""

    def __init__(self, message_types: Iterable[type]) -> None:
        self._types = {message.__name__: message for message in message_types}

    def decode(self, body: bytes) -> object:
        """Raises KeyError, TypeError or ValueError when the other end speaks another version."""
        name, content = json.loads(body)
        return _build(self._types[name], content)


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return {name: _plain(getattr(value, name)) for name in _names(type(value))}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


@cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


@cache
def _builders(kind: type) -> dict[str, Callable[[Any], Any]]:
    hints = get_type_hints(kind)
    return {name: _builder(hints[name]) for name in _names(kind)}


def _build(kind: type, content: Mapping[str, Any]) -> Any:
    builders = _builders(kind)
    return kind(**{name: builders[name](item) for name, item in content.items()})


def _builder(hint: Any) -> Callable[[Any], Any]:
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        inner = _builder(next(arg for arg in args if arg is not type(None)))
        return lambda item: None if item is None else inner(item)
    if origin is tuple:
        if len(args) == 2 and args[1] is Ellipsis:
            each = _builder(args[0])
            return lambda items: tuple(each(item) for item in items)
        slots = tuple(_builder(arg) for arg in args)
        return lambda items: tuple(slot(item) for slot, item in zip(slots, items, strict=True))
    if origin is dict:
        value = _builder(args[1])
        return lambda items: {key: value(item) for key, item in items.items()}
    if isinstance(hint, type) and is_dataclass(hint):
        return lambda item: _build(hint, item)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint
    return lambda item: item
