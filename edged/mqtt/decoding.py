"""Whatever anybody sent, to a JSON object or a reason why not. Pure.

What passes can be written again as canonical JSON (RFC 8785), as UTF-8 and into a path: whoever takes it
need not think of numbers without end, half characters or NULs. Strict where JSON leaves it open: of a key
that stands twice, two readers may take different values.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any

from edged.errors import EdgedError

MAX_INBOUND_BYTES = 256 * 1024
MAX_DEPTH = 32
MAX_VALUES = 50_000
_MAX_WHOLE = 2**53 - 1
_LONGEST_NUMBER = 64
_SHOWN = 60


class Malformed(EdgedError):
    """An input that is nothing; it is answered or counted, and changes nothing."""

    code = "invalid"


def decode_object(payload: bytes) -> dict[str, Any]:
    """The JSON object in ``payload``. Raises `Malformed`, with the code ``invalid`` or ``too_large``.

    At most `MAX_INBOUND_BYTES`, `MAX_DEPTH` levels, `MAX_VALUES` keys and values; whole numbers within
    ±(2^53 - 1), numbers of at most 64 characters, no NaN, no infinity.
    """
    if len(payload) > MAX_INBOUND_BYTES:
        raise Malformed(
            f"the payload has more than {MAX_INBOUND_BYTES // 1024} KiB, which is the most", code="too_large"
        )
    if not payload:
        raise Malformed('the payload is empty: a JSON object is wanted, at least "{}"')
    value = _parse(payload)
    if not isinstance(value, dict):
        raise Malformed('the payload should be a JSON object, "{…}"')
    _check(value)
    return value


def _parse(payload: bytes) -> Any:
    try:
        return json.loads(
            payload.decode(),
            parse_int=_whole_number,
            parse_float=_number,
            parse_constant=_refuse_constant,
            object_pairs_hook=_object,
        )
    except UnicodeDecodeError as error:
        raise Malformed(f"the payload is not UTF-8: byte {error.start + 1} is wrong") from None
    except json.JSONDecodeError as error:
        raise Malformed(f"the payload is not JSON: {error}") from None
    except RecursionError:
        raise Malformed(_too_deep()) from None


def _check(root: dict[str, Any]) -> None:
    """Depth, count and texts, without recursion. Raises `Malformed`."""
    count = 0
    level: list[Any] = [root]
    for _ in range(MAX_DEPTH):
        values = [value for container in level for value in _values(container)]
        count += len(values)
        if count > MAX_VALUES:
            raise Malformed(f"the payload holds more than {MAX_VALUES} values", code="too_large")
        _check_texts(values)
        _check_texts(key for container in level if isinstance(container, dict) for key in container)
        level = [value for value in values if isinstance(value, (dict, list))]
        if not level:
            return
    raise Malformed(_too_deep())


def _values(container: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return container.values() if isinstance(container, dict) else container


def _check_texts(values: Iterable[Any]) -> None:
    for text in values:
        if not isinstance(text, str):
            continue
        if "\0" in text:
            raise Malformed(f"a text holds a NUL character: {_shown(text)}")
        if not text.isascii() and not _is_unicode(text):
            raise Malformed(f"a text holds half a character (a lone surrogate): {_shown(text)}")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise Malformed(f"the key {_shown(key)} stands twice in the same object")
        found[key] = value
    return found


def _whole_number(text: str) -> int:
    if len(text) <= len(str(-_MAX_WHOLE)) and abs(number := int(text)) <= _MAX_WHOLE:
        return number
    raise Malformed(f"the number {_shown(text)} is beyond ±(2^53 - 1), which is what JSON's readers agree on")


def _number(text: str) -> float:
    number = float(text) if len(text) <= _LONGEST_NUMBER else math.nan
    if math.isfinite(number):
        return number
    raise Malformed(f"the number {_shown(text)} is too large or too long")


def _refuse_constant(name: str) -> None:
    raise Malformed(f"{name} is no JSON")


def _too_deep() -> str:
    return f"the payload is nested more than {MAX_DEPTH} levels deep"


def _shown(text: str) -> str:
    cut = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    return ascii(cut) if not _is_unicode(cut) or not cut.isprintable() else repr(cut)
