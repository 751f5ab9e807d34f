"""What an unquoted word of YAML 1.2 means: the core schema, https://yaml.org/spec/1.2.2/#103-core-schema.

Unlike in YAML 1.1, ``on``, ``no``, ``012:30`` and dates are text.
"""

from __future__ import annotations

import math
import re

Scalar = str | int | float | bool | None

_WORDS: dict[str, bool | None] = {"": None, "~": None}
for _word, _meaning in (("null", None), ("true", True), ("false", False)):
    _WORDS |= {_word: _meaning, _word.capitalize(): _meaning, _word.upper(): _meaning}
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(
    r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)
_LONGEST = 64


def resolve_scalar(text: str) -> Scalar:
    """The value of a plain scalar. Raises ValueError for a number that JSON could not carry."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return _integer(text)
    if _FLOAT.fullmatch(text):
        return _float(text)
    return text


def _integer(text: str) -> int:
    number = int(text, 0 if text[:2] in ("0o", "0x") else 10) if len(text) <= _LONGEST else 2**64
    if not -(2**63) <= number < 2**63:
        raise ValueError("is a number too large to be used; put it in quotes if it is text")
    return number


def _float(text: str) -> float:
    number = float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    if not math.isfinite(number):
        raise ValueError("should be a finite number; put it in quotes if it is text")
    return number
