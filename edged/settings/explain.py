"""Validation errors in the words of whoever wrote the file: what is wrong, and what would be right.

Values are shown only where they can be no secret: never below a key such as ``password``, never what
a reference resolved to, and URLs without their passwords.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from edged.errors import Problem
from edged.model.redact import is_secret_name, redact_url
from edged.settings.document import MOST_PROBLEMS, Document, dotted
from edged.settings.editor import Field, field_at, homes_of
from edged.settings.nearest import did_you_mean, nearest

_NAME_RULE = "should have 1 to 64 letters, digits, _ or - and nothing else"
_MODEL_NAME_RULE = "should be a file's, such as people.onnx: letters, digits, _ - and . alone, no folders"
_EXPECTED = {
    "int_type": "a whole number", "int_from_float": "a whole number", "float_type": "a number",
    "finite_number": "a finite number", "bool_type": "true or false", "string_type": "text",
    "dict_type": "a mapping of names to values", "model_type": "a mapping of keys to values",
    "model_attributes_type": "a mapping of keys to values", "tuple_type": "a list", "list_type": "a list",
    "path_type": "a path",
}  # fmt: skip
_LIMITS = {
    "greater_than": ("more than", "gt"), "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"), "less_than_equal": ("at most", "le"),
}  # fmt: skip
_MENDS = {
    "url": "say what to open, for example url: rtsp://192.168.1.20/stream",
    "algorithm": "say which, for example algorithm: motion (`edged algos` lists them)",
}


def explain(error: ValidationError, document: Document, hidden: Collection[str]) -> list[Problem]:
    """One problem for each place, up to `MOST_PROBLEMS`.

    ``hidden`` are the paths whose values came from references.
    """
    problems: dict[str, Problem] = {}
    for detail in error.errors(include_url=False)[:MOST_PROBLEMS]:
        problem = _problem(detail, document, hidden)
        problems.setdefault(problem.path, problem)
    # an entry that is wrong itself is not counted, so its list seems too short as well
    return [
        problem
        for problem in problems.values()
        if not any(other.startswith(f"{problem.path}.") for other in problems)
        or "entries" not in problem.message
    ]


def _problem(detail: ErrorDetails, document: Document, hidden: Collection[str]) -> Problem:
    kind, at_name = detail["type"], detail["loc"][-1:] == ("[key]",)
    parts = _path_in(document.value, detail["loc"])
    path = dotted(parts)
    if kind == "missing":
        return _missing(detail, document)
    if kind == "extra_forbidden":
        return _unknown_key(parts, document)
    if at_name:
        rule = _MODEL_NAME_RULE if parts[:2] == ("spec", "models") else _NAME_RULE
        return document.problem(path, f"a name {rule}", at_key=True)
    given = (
        "" if path in hidden or any(is_secret_name(str(part)) for part in parts) else _shown(detail["input"])
    )
    message = _message(detail, field_at(parts), given)
    return document.problem(path, message)


def _missing(detail: ErrorDetails, document: Document) -> Problem:
    """A key that is not there; or the second entry of a pair, which its list is told of."""
    above, last = _path_in(document.value, detail["loc"][:-1]), detail["loc"][-1]
    if isinstance(last, str):
        message = f"is missing; {_MENDS.get(last, 'add it')}"
        return document.problem(dotted((*above, last)), message, at_key=True)
    return document.problem(dotted(above), f"has too few entries{field_at(above).for_example}")


def _message(detail: ErrorDetails, field: Field, given: str) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    instead = f", not {given}" if given else ""
    if kind in ("refused", "later"):
        return detail["msg"]
    if kind in _LIMITS:
        words, key = _LIMITS[kind]
        return f"should be {words} {_number(context[key])}{instead}"
    if kind in ("literal_error", "enum"):
        choices, value = field.choices, detail["input"]
        near = did_you_mean(str(value), choices) if given else ""
        return f"should be {' or '.join(choices)}{instead}{near}"
    if kind in ("too_short", "too_long"):
        return _wrong_length(detail, field)
    if kind == "string_pattern_mismatch":
        return f"{_NAME_RULE}{instead}"
    if kind == "string_too_long":
        return f"should have at most {context['max_length']} characters"
    expected = _EXPECTED.get(kind)
    if expected is None:
        return f"cannot be used{instead and ': ' + given}{field.for_example}"
    return f"should be {expected}{instead}{_quotes(kind, detail['input'])}{field.for_example}"


def _quotes(kind: str, value: Any) -> str:
    """What people used to YAML 1.1 trip over."""
    if kind == "string_type" and isinstance(value, (bool, int, float)):
        return "; put it in quotes"
    if kind == "bool_type" and str(value).lower() in ("yes", "on", "no", "off"):
        return f" (write {'true' if str(value).lower() in ('yes', 'on') else 'false'})"
    return ""


def _wrong_length(detail: ErrorDetails, field: Field) -> str:
    context = detail.get("ctx", {})
    limit = "at most" if detail["type"] == "too_long" else "at least"
    wanted = context.get("max_length" if detail["type"] == "too_long" else "min_length")
    return f"should have {limit} {wanted} entries, not {context['actual_length']}{field.for_example}"


def _unknown_key(parts: tuple[str | int, ...], document: Document) -> Problem:
    path, key = dotted(parts), str(parts[-1])
    known = field_at(parts[:-1]).keys
    found = nearest(key, known)
    homes = homes_of(key)
    if found is not None:
        mend = f'did you mean "{found}"?'
    elif homes:
        mend = f"it belongs below {' or '.join(homes)}"
    else:
        mend = f"known here: {', '.join(known)}"
    return document.problem(path, f"is not a known key; {mend}", "unknown_key", at_key=True)


def _path_in(value: Any, loc: Iterable[str | int]) -> tuple[str | int, ...]:
    """The path of an error in the document: without what pydantic adds for unions and keys."""
    parts: list[str | int] = []
    for step in loc:
        if isinstance(value, Mapping) and str(step) in value:
            value = value[str(step)]
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            continue
        parts.append(step)
    return tuple(parts)


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    text = json.dumps(redact_url(value) if isinstance(value, str) else value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:56]}...{text[-1]}"


def _number(limit: float) -> str:
    return f"{limit:g}" if limit < 100_000 else f"{limit:.0f}"
