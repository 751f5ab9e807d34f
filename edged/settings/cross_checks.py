"""What no single key shows: jobs that name sources, and references in the spec that cannot be meant.

Works on the data as it was read, so that these problems are found beside those of single keys.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from edged.errors import Problem, SpecRejected
from edged.model.redact import HIDDEN
from edged.settings.document import Document, dotted
from edged.settings.nearest import did_you_mean
from edged.settings.references import Reference, split, undeclared

_REDACTED = (
    f"holds {HIDDEN}, which stands for a password that was taken out when the spec was shown (get spec);"
    " write the password itself, or better ${secret:NAME}"
)


def check_spec(document: Document) -> list[Problem]:
    """Every problem of the spec that lies between its parts. Any shape of data is allowed."""
    spec = _mapping(document.value.get("spec"))
    secrets = _mapping(document.value.get("secrets"))
    problems = list(_unknown_sources(spec, document))
    for path, text in _texts(spec, ("spec",)):
        if HIDDEN in text:
            problems.append(document.problem(path, _REDACTED))
        try:
            _check_references(text, path, secrets)
        except SpecRejected as rejected:
            problems += [document.problem(each.path, each.message, each.code) for each in rejected.problems]
    return problems


def _check_references(text: str, path: str, secrets: dict[str, Any]) -> None:
    for part in split(text, path):
        if isinstance(part, Reference) and part.kind == "secret" and part.name not in secrets:
            raise undeclared(part, path, secrets)


def _unknown_sources(spec: dict[str, Any], document: Document) -> Iterator[Problem]:
    known = _mapping(spec.get("sources"))
    for name, job in _mapping(spec.get("jobs")).items():
        chosen = _mapping(job).get("sources")
        if not isinstance(chosen, list):
            continue
        for number, source in enumerate(chosen):
            path = dotted(("spec", "jobs", name, "sources", number))
            if isinstance(source, str) and source not in known:
                yield document.problem(path, _unknown(source, known), "not_found")
            elif source in chosen[:number]:
                yield document.problem(path, "names the same source twice")


def _unknown(source: str, known: dict[str, Any]) -> str:
    if source == "*":
        return 'all sources are written sources: "*", without a list'
    return f"there is no source of this name{did_you_mean(source, known) or _listed(known)}"


def _listed(known: dict[str, Any]) -> str:
    return f"; there are {', '.join(list(known)[:10])}" if known else "; spec.sources names none"


def _texts(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[str, str]]:
    """(path, text) of every text that holds what looks like a reference, or was a password."""
    if isinstance(value, str) and ("${" in value or HIDDEN in value):
        yield dotted(path), value
    children = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, item in children:
        yield from _texts(item, (*path, key))


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
