"""The envelope of ``…/desired``: everything about it but whether its spec can run. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from edged.errors import EdgedError, Problem, SpecRejected
from edged.model.canonical import digest
from edged.model.twin import Desired, Gate

MAX_REVISION = 2**53 - 1
"""The largest whole number that all readers of JSON agree on."""
LONGEST_TIMEOUT_S = 3600.0
LONGEST_STABLE_S = 86_400.0
_KEYS = ("revision", "spec", "digest", "gate", "keep_local")
_GATE_KEYS = ("require", "stable_for", "timeout")
_RESERVED = ("key_id", "signature")
_REQUIREMENTS = ("jobs", "sources")
_SHOWN = 60
_MOST_UNKNOWN = 20
"""Keys that are told of: there may be tens of thousands."""


class DesiredRejected(SpecRejected):
    """A desired that is wrong before its spec is looked at."""

    def __init__(self, problems: Sequence[Problem], revision: int | None, digest: str) -> None:
        super().__init__(problems)
        self.revision = revision
        """None: not to be told from what came."""
        self.digest = digest
        """Of its spec; empty when there is none to speak of."""

    @classmethod
    def unreadable(cls, error: EdgedError) -> DesiredRejected:
        """For what was not even a JSON object."""
        return cls([Problem("", str(error), error.code)], None, "")


def parse_desired(payload: Mapping[str, Any]) -> Desired:
    """What is wanted. Raises `DesiredRejected` with all problems, their paths from the envelope's root."""
    problems = _key_problems(payload, _KEYS, "")
    revision = _revision(payload, problems)
    spec = _spec(payload, problems)
    computed = _digest(payload, spec, problems)
    gate = _gate(payload.get("gate", {}), problems)
    keep_local = payload.get("keep_local", False)
    if not isinstance(keep_local, bool):
        problems.append(Problem("keep_local", "should be true or false"))
    if problems or revision is None or spec is None:
        raise DesiredRejected(problems, revision, computed)
    return Desired(revision, spec, computed, gate, keep_local)


def _key_problems(value: Mapping[str, Any], known: Sequence[str], path: str) -> list[Problem]:
    problems = []
    for key in islice((key for key in value if key not in known), _MOST_UNKNOWN):
        if not path and key in _RESERVED:
            text = "this version cannot check signatures, so it takes no signed spec: send it without"
            problems.append(Problem(key, text, "not_allowed"))
        else:
            text = f"is no key here; the keys are {', '.join(known)}"
            problems.append(Problem(f"{path}{key[:_SHOWN]}", text, "unknown_key"))
    return problems


def _revision(payload: Mapping[str, Any], problems: list[Problem]) -> int | None:
    revision = payload.get("revision")
    if isinstance(revision, int) and not isinstance(revision, bool) and 1 <= revision <= MAX_REVISION:
        return revision
    what = "is missing: " if "revision" not in payload else ""
    text = f"{what}should be a whole number from 1 to 2^53 - 1, higher than any before"
    problems.append(Problem("revision", text))
    return None


def _spec(payload: Mapping[str, Any], problems: list[Problem]) -> Mapping[str, Any] | None:
    spec = payload.get("spec")
    if isinstance(spec, Mapping):
        return spec
    what = "is missing: " if "spec" not in payload else ""
    problems.append(Problem("spec", f'{what}should be the whole spec, for example {{"sources":{{}}}}'))
    return None


def _digest(payload: Mapping[str, Any], spec: Mapping[str, Any] | None, problems: list[Problem]) -> str:
    """The spec's own; empty when it has none."""
    if spec is None:
        return ""
    try:
        computed = digest(spec)
    except ValueError as error:
        problems.append(Problem("spec", f"cannot be written as canonical JSON (RFC 8785): {error}"))
        return ""
    stated = payload.get("digest", computed)
    if stated != computed:
        text = (
            f"does not fit the spec, whose digest is {computed}: was it changed on the way? "
            "It is sha256: and the hex SHA-256 of the spec's canonical JSON (RFC 8785)"
        )
        problems.append(Problem("digest", text))
    return computed


def _gate(value: Any, problems: list[Problem]) -> Gate:
    if not isinstance(value, Mapping):
        problems.append(Problem("gate", 'should be an object such as {"require":["jobs"],"timeout":60}'))
        return Gate()
    problems += _key_problems(value, _GATE_KEYS, "gate.")
    usual = Gate()
    return Gate(
        require=_require(value.get("require", list(usual.require)), problems),
        stable_for_s=_seconds(value, "stable_for", usual.stable_for_s, (0.0, LONGEST_STABLE_S), problems),
        timeout_s=_seconds(value, "timeout", usual.timeout_s, (1.0, LONGEST_TIMEOUT_S), problems),
    )


def _require(value: Any, problems: list[Problem]) -> tuple[str, ...]:
    if isinstance(value, list) and value and all(item in _REQUIREMENTS for item in value):
        return tuple(dict.fromkeys(value))
    problems.append(Problem("gate.require", 'should be ["jobs"] or ["jobs","sources"]'))
    return ()


def _seconds(
    gate: Mapping[str, Any], key: str, usual_s: float, limits_s: tuple[float, float], problems: list[Problem]
) -> float:
    value = gate.get(key, usual_s)
    lowest_s, highest_s = limits_s
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if is_number and lowest_s <= value <= highest_s:
        return float(value)
    text = f"should be a number of seconds from {lowest_s:g} to {highest_s:g}"
    problems.append(Problem(f"gate.{key}", text))
    return usual_s
