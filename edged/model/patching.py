"""Patches of plain JSON values: RFC 7396 (merge patch) and RFC 6902 (operations). Pure.

No argument is ever changed; a result may share parts with them. Errors are ValueErrors whose messages
never repeat what stands in a document, which may be a password.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jsonpatch
import jsonpointer

from edged.model.canonical import canonical
from edged.model.redact import is_secret_name, redact_value

MAX_OPS = 1000
MAX_BYTES = 256 * 1024
"""Of a result, as canonical JSON."""
MAX_DEPTH = 32
MAX_HANDLED = 1024 * 1024
"""Bytes that the operations of one patch may move in all: copies of copies end here, and long work does."""
_OPS = ("add", "remove", "replace", "move", "copy", "test")
_LIBRARY_ERRORS = (
    jsonpatch.JsonPatchException,
    jsonpointer.JsonPointerException,
    LookupError,
    TypeError,
    ValueError,
)


def merge(target: Any, patch: Any) -> Any:
    """RFC 7396: ``patch`` on ``target``. Null removes a key, a mapping goes on below, all else replaces."""
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(target) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge(merged.get(key), value)
    return merged


def difference(before: Any, after: Any) -> Any:
    """The merge patch that makes ``after`` of ``before``.

    Raises ValueError where none can: one that would set a key to null.
    """
    if not isinstance(after, Mapping):
        return after
    known = before if isinstance(before, Mapping) else {}
    patch: dict[str, Any] = {key: None for key in known if key not in after}
    for key, value in after.items():
        if key in known and is_same(known[key], value):
            continue
        if value is None:
            raise ValueError(f"{key}: a merge patch cannot set a key to null")
        patch[key] = difference(known.get(key), value)
    return patch


def compose(first: Any, second: Any) -> Any:
    """One merge patch for two: ``merge(x, compose(a, b)) == merge(merge(x, a), b)`` for every x.

    Raises ValueError where there is none: ``first`` takes away or replaces what ``second`` puts a mapping
    in the place of, and a merge patch can only add to whatever mapping x may have there.
    """
    if not isinstance(second, Mapping):
        return second
    if not isinstance(first, Mapping):
        raise ValueError("these patches cannot be made one: what the first replaces, the second fills anew")
    composed = dict(first)
    for key, value in second.items():
        composed[key] = compose(first[key], value) if key in first else value
    return composed


def apply_ops(target: Any, ops: Sequence[Any]) -> Any:
    """RFC 6902: ``target`` after all of ``ops``. Raises ValueError, saying which of them cannot be done.

    Also for more than `MAX_OPS`, a result beyond `check_bounds`, for a ``copy`` or ``move`` that would take a
    password to where it would be shown, and for a ``test`` that would tell whether a guess at one is right.
    """
    if isinstance(ops, (str, bytes)) or not isinstance(ops, Sequence):
        raise ValueError("ops should be a list of operations (RFC 6902)")
    if len(ops) > MAX_OPS:
        raise ValueError(f"has {len(ops)} operations; the most is {MAX_OPS}")
    result = copy.deepcopy(target)
    handled = 0
    for number, op in enumerate(ops):
        try:
            handled += _check(op, result)
            if handled > MAX_HANDLED:
                raise ValueError(f"handles more than {MAX_HANDLED} bytes in all")
            result = _applied(op, result)
        except ValueError as error:
            raise ValueError(f"ops.{number}: {error}") from None
    check_bounds(result)
    return result


def check_bounds(value: Any) -> None:
    """Raise ValueError for JSON that is deeper than `MAX_DEPTH` or larger than `MAX_BYTES`."""
    if _depth(value) > MAX_DEPTH:
        raise ValueError(f"is nested more than {MAX_DEPTH} levels deep")
    size = len(canonical(value))
    if size > MAX_BYTES:
        raise ValueError(f"has {size} bytes; the most is {MAX_BYTES}")


def _check(op: Any, target: Any) -> int:
    """How many bytes an operation handles; ValueError for what is none, or would nest too deep."""
    if not isinstance(op, Mapping):
        raise ValueError('should be a mapping such as {"op": "remove", "path": "/jobs/people"}')
    kind, path = op.get("op"), op.get("path")
    if not isinstance(kind, str) or kind not in _OPS:
        raise ValueError(f"op should be one of {', '.join(_OPS)}")
    parts = _parts(path, "path")
    if kind in ("add", "replace", "test") and "value" not in op:
        raise ValueError(f"{kind} needs a value")
    if kind in ("move", "copy"):
        value = _found(op, target)
        _check_veil(_parts(op["from"], "from"), parts, value)
    else:
        value = op.get("value")
    if kind == "test":
        _check_test(parts, target)
    if len(parts) + _depth(value) > MAX_DEPTH:
        raise ValueError(f"would nest more than {MAX_DEPTH} levels deep")
    return len(json.dumps(value)) if kind != "remove" else 0


def _found(op: Mapping[str, Any], target: Any) -> Any:
    """What a ``move`` or ``copy`` takes."""
    _parts(op.get("from"), "from")
    try:
        found = jsonpointer.JsonPointer(op["from"]).resolve(target)
    except _LIBRARY_ERRORS:
        found = jsonpointer.EndOfList(None)
    if isinstance(found, jsonpointer.EndOfList):
        raise ValueError(f"there is nothing at {_shown(op['from'])}")
    return found


def _parts(pointer: Any, which: str) -> tuple[str, ...]:
    if not isinstance(pointer, str):
        raise ValueError(f'{which} should be a JSON pointer such as "/jobs/people/enabled"')
    try:
        return tuple(jsonpointer.JsonPointer(pointer).parts)
    except _LIBRARY_ERRORS:
        raise ValueError(f'{which} should be a JSON pointer such as "/jobs/people/enabled"') from None


def _check_veil(source: tuple[str, ...], destination: tuple[str, ...], value: Any) -> None:
    """Sources and jobs may have any name; from the third part on a name tells what may be shown.

    A password in a URL may go to the same place of another source or job: elsewhere it would be echoed.
    """
    if any(map(is_secret_name, source[2:])) and not any(map(is_secret_name, destination[2:])):
        raise ValueError("would show what may be a secret; leave it below a name such as password")
    is_alike = source[:1] == destination[:1] and source[2:] == destination[2:]
    if not is_alike and redact_value(value) != value:
        raise ValueError(
            "would show what may be a secret; take it to the same place of another source or job"
        )


def _check_test(parts: tuple[str, ...], target: Any) -> None:
    """Whoever may not see a password may not try it out either."""
    try:
        value = jsonpointer.JsonPointer.from_parts(parts).resolve(target)
    except _LIBRARY_ERRORS:
        return  # told when it is carried out
    veiled = {name: value for name in parts[2:] if is_secret_name(name)} or value
    if not isinstance(value, jsonpointer.EndOfList) and redact_value(veiled) != veiled:
        raise ValueError("would tell what may be a secret; test what stands beside it")


def _applied(op: Mapping[str, Any], target: Any) -> Any:
    """``target``, changed in place, after one operation that is well formed."""
    own = {key: copy.deepcopy(value) for key, value in op.items()}
    try:
        return jsonpatch.JsonPatch([own]).apply(target, in_place=True)
    except jsonpatch.JsonPatchTestFailed:
        raise ValueError(f"the test failed: at {_shown(op['path'])} stands another value") from None
    except _LIBRARY_ERRORS:
        raise ValueError(f"{op['op']}: there is no such place as {_shown(op['path'])}") from None


def _depth(value: Any, limit: int = MAX_DEPTH + 1) -> int:
    """How many levels of mappings and lists; at most ``limit``, where it stops counting."""
    below: Iterator[Any]
    if isinstance(value, Mapping):
        below = iter(value.values())
    elif isinstance(value, (list, tuple)):
        below = iter(value)
    else:
        return 0
    return 1 + max((_depth(item, limit - 1) for item in below), default=0) if limit > 0 else 0


def is_same(one: Any, other: Any) -> bool:
    """As JSON: 1 is 1.0, and true is no number."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(is_same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(is_same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _shown(pointer: str) -> str:
    text = json.dumps(pointer, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:196]}...{text[-1]}"
