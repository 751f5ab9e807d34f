"""The types of events that an algorithm says it may send: who waits for another waits in vain."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from pydantic import BaseModel

if TYPE_CHECKING:
    from edged.algorithm.base import Algorithm

MOST_TYPES = 256
_LONGEST = 200
_TYPE = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PARAM = re.compile(r"<(?P<param>\w{1,64})>")
"""A type that the param of this name gives."""


def check_declaration(owner: str, sends: object) -> None:
    """Raises TypeError, with the mend, for what is no declaration of the class ``owner``.

    None is one: it may send anything.
    """
    if sends is None:
        return
    wanted = f'{owner}: sends is a dict of types and what each tells, such as {{"fall": "somebody fell"}}'
    if not isinstance(sends, Mapping):
        raise TypeError(f"{wanted}; it is a {type(sends).__name__}")
    if len(sends) > MOST_TYPES:
        raise TypeError(f"{owner}: sends has {len(sends)} types, the most is {MOST_TYPES}; leave it out")
    for kind, told in sends.items():
        if not isinstance(kind, str) or not (_is_type(kind) or _PARAM.fullmatch(kind)):
            raise TypeError(f"{wanted}; {kind!r} is no type: 1-64 letters, digits, _ or -, or <param>")
        if not isinstance(told, str) or len(told) > _LONGEST:
            raise TypeError(f"{wanted}, a line of at most {_LONGEST} characters; of {kind} it is none")


def types_with(sends: Collection[str], params: BaseModel) -> frozenset[str] | None:
    """The types of a declaration, ``<param>`` replaced by what the params say; None: that cannot be told."""
    types: set[str] = set()
    for kind in sends:
        match = _PARAM.fullmatch(kind)
        given = (kind,) if match is None else _types_in(_value(params, match["param"]))
        if given is None:
            return None
        types.update(given)
    return frozenset(types)


def declared_by(algorithm: Algorithm) -> frozenset[str] | None:
    """The types that it may send; None: any. Raises what its `Algorithm.may_send` raises."""
    if type(algorithm).sends is None:
        return None
    types = algorithm.may_send
    if types is None or len(types) > MOST_TYPES or not all(_is_type(kind) for kind in types):
        return None
    return frozenset(types)


def _is_type(kind: object) -> bool:
    return isinstance(kind, str) and _TYPE.fullmatch(kind) is not None


def _value(params: BaseModel, name: str) -> object:
    """By the name that stands in the job; None: there is no such param."""
    for key, field in type(params).model_fields.items():
        if name == (field.alias or key):
            return getattr(params, key)
    return (params.model_extra or {}).get(name)


def _types_in(value: object) -> Sequence[str] | None:
    """None: they cannot be told from it."""
    if value is None:
        return ()
    if isinstance(value, str):
        return (value,)
    if isinstance(value, (list, tuple)) and all(isinstance(each, str) for each in value):
        return tuple(value)
    return None
