"""What no single key shows: jobs that name sources, references that cannot be meant, what cannot be recorded.

Works on the data as it was read, so that these problems are found beside those of single keys.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from edged.errors import Problem, SpecRejected
from edged.model.redact import HIDDEN
from edged.settings.document import MOST_PROBLEMS, Document, dotted
from edged.settings.fields import NAME_PATTERN
from edged.settings.nearest import did_you_mean
from edged.settings.record_checks import check_recording
from edged.settings.references import Reference, split, undeclared

_MOST_GUESSES = 3
"""Names for which the nearest is looked for: that of two hundred may take a tenth of a second."""
_REDACTED = (
    f"holds {HIDDEN}, which stands for a password that was taken out when the spec was shown (get spec);"
    " write the password itself, or better ${secret:NAME}"
)


def check_spec(document: Document) -> list[Problem]:
    """The problems of the spec that lie between its parts, up to `MOST_PROBLEMS` of each kind.

    Any shape of data is allowed.
    """
    spec = _mapping(document.value.get("spec"))
    secrets = _mapping(document.value.get("secrets"))
    return [
        *islice(_unknown_sources(spec, document), MOST_PROBLEMS),
        *islice(_unknown_in_outputs(spec, document), MOST_PROBLEMS),
        *islice(_bad_texts(spec, secrets, document), MOST_PROBLEMS),
        *islice(_unknown_secrets(spec, secrets, document), MOST_PROBLEMS),
        *islice(check_recording(spec, document), MOST_PROBLEMS),
    ]


def _bad_texts(spec: dict[str, Any], secrets: dict[str, Any], document: Document) -> Iterator[Problem]:
    for path, text in _texts(spec, ("spec",)):
        if HIDDEN in text:
            yield document.problem(path, _REDACTED)
        try:
            _check_references(text, path, secrets)
        except SpecRejected as rejected:
            for each in rejected.problems:
                yield document.problem(each.path, each.message, each.code)


def _check_references(text: str, path: str, secrets: dict[str, Any]) -> None:
    for part in split(text, path):
        if isinstance(part, Reference) and part.kind == "secret" and part.name not in secrets:
            raise undeclared(part, path, secrets)


def _unknown_secrets(spec: dict[str, Any], secrets: dict[str, Any], document: Document) -> Iterator[Problem]:
    """Those that models name."""
    for name, model in _mapping(spec.get("models")).items():
        secret = _mapping(model).get("secret")
        if isinstance(secret, str) and secret not in secrets and re.fullmatch(NAME_PATTERN, secret):
            path = dotted(("spec", "models", name, "secret"))
            for each in undeclared(Reference("secret", secret), path, secrets).problems:
                yield document.problem(path, each.message, each.code)


def _unknown_sources(spec: dict[str, Any], document: Document) -> Iterator[Problem]:
    known = _mapping(spec.get("sources"))
    guesses = 0
    for name, job in _mapping(spec.get("jobs")).items():
        chosen = _mapping(job).get("sources")
        if not isinstance(chosen, list):
            continue
        seen: set[str] = set()
        for number, source in enumerate(chosen):
            if not isinstance(source, str):
                continue
            path = dotted(("spec", "jobs", name, "sources", number))
            if source not in known:
                guesses += 1
                message = _unknown(source, known, guess=guesses <= _MOST_GUESSES)
                yield document.problem(path, message, "not_found")
            elif source in seen:
                yield document.problem(path, "names the same source twice")
            seen.add(source)


def _unknown_in_outputs(spec: dict[str, Any], document: Document) -> Iterator[Problem]:
    """The source of each, and the jobs that are drawn."""
    sources, jobs = _mapping(spec.get("sources")), _mapping(spec.get("jobs"))
    guesses = 0
    for name, output in _mapping(spec.get("outputs")).items():
        source, drawn = _mapping(output).get("source"), _mapping(output).get("draw")
        if isinstance(source, str) and source not in sources:
            guesses += 1
            message = _no_such("source", source, sources, guess=guesses <= _MOST_GUESSES)
            yield document.problem(dotted(("spec", "outputs", name, "source")), message, "not_found")
        for number, job in enumerate(drawn if isinstance(drawn, list) else ()):
            if isinstance(job, str) and job not in jobs:
                guesses += 1
                path = dotted(("spec", "outputs", name, "draw", number))
                message = _no_such("job", job, jobs, guess=guesses <= _MOST_GUESSES)
                yield document.problem(path, message, "not_found")


def _unknown(source: str, known: dict[str, Any], *, guess: bool) -> str:
    if source == "*":
        return 'all sources are written sources: "*", without a list'
    return _no_such("source", source, known, guess=guess)


def _no_such(kind: str, name: str, known: dict[str, Any], *, guess: bool) -> str:
    near = did_you_mean(name, known) if guess else ""
    return f"there is no {kind} of this name{near or _listed(kind, known)}"


def _listed(kind: str, known: dict[str, Any]) -> str:
    return f"; there are {', '.join(list(known)[:10])}" if known else f"; spec.{kind}s names none"


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
