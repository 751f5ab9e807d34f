"""What an algorithm may return: plain JSON, with numpy's numbers and arrays made plain on the way."""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import Enum
from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edged.errors import AlgorithmError

_DEEPEST = 32
"""Levels of nesting; deeper is a structure that holds itself."""

_LARGEST_ARRAY = 100_000
"""Numbers in one array; more is a picture or a mask, and no result."""

_MENDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    ((set, frozenset), "return sorted(value) or list(value)"),
    ((bytes, bytearray, memoryview), "decode it, or return base64 text"),
    (complex, "return [value.real, value.imag]"),
    (Enum, "return value.value"),
    (PurePath, "return str(value)"),
)


def jsonable(value: Any, path: str = "data") -> Any:
    """Turn ``value`` into what JSON knows: None, bool, int, float, str, list and dict with str keys.

    numpy scalars and arrays become numbers and lists, tuples lists, NaN and
    infinities None. Anything else raises `AlgorithmError`, naming ``path`` and the mend.
    """
    return _plain(value, path, 0)


def _plain(value: Any, path: str, depth: int) -> Any:
    if value is None or type(value) in (bool, int):
        return value
    if isinstance(value, str):
        return str.__str__(value).encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, float | np.floating):
        number = float(value)
        return number if math.isfinite(number) else None
    if depth > _DEEPEST:
        raise AlgorithmError(f"{path[:80]}…: nested deeper than {_DEEPEST} levels; does it hold itself?")
    if isinstance(value, Mapping):
        return _plain_mapping(value, path, depth)
    if isinstance(value, list | tuple):
        return [_plain(item, f"{path}[{place}]", depth + 1) for place, item in enumerate(value)]
    if isinstance(value, np.ndarray):
        return _plain_array(value, path, depth)
    return _plain_scalar(value, path)


def _plain_mapping(value: Mapping[Any, Any], path: str, depth: int) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for key, item in value.items():
        if isinstance(key, bool | np.bool_) or not isinstance(key, str | int | np.integer):
            raise AlgorithmError(
                f"{path}: the key {key!r} is a {type(key).__name__}; keys are text: use str(key)"
            )
        name = str(key) if isinstance(key, str) else str(int(key))
        if name in plain:
            raise AlgorithmError(f"{path}: the key {name!r} stands there twice, as text and as a number")
        plain[name] = _plain(item, f"{path}.{name}", depth + 1)
    return plain


def _plain_array(value: NDArray[Any], path: str, depth: int) -> Any:
    if value.size > _LARGEST_ARRAY:
        raise AlgorithmError(
            f"{path}: an array of shape {value.shape} is too large for a result; return what was found in it"
        )
    return _plain(value.tolist(), path, depth + 1)


def _plain_scalar(value: Any, path: str) -> Any:
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    raise AlgorithmError(f"{path}: a {_type_name(value)} is no JSON; {_mend(value)}")


def _type_name(value: Any) -> str:
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"


def _mend(value: Any) -> str:
    for kinds, mend in _MENDS:
        if isinstance(value, kinds):
            return mend
    for method in ("isoformat", "tolist"):
        if hasattr(value, method):
            return f"return value.{method}()"
    return "return numbers, text, lists and dicts of them"
