"""The device's own references (all but those in the spec) resolved when the file is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from edged.errors import Problem, SpecRejected
from edged.settings.document import Document, dotted
from edged.settings.references import Reference, References, split

_LEFT_AS_WRITTEN = ("spec", "secrets")


@dataclass(frozen=True, slots=True)
class ResolvedSettings:
    value: dict[str, Any] = field(repr=False)
    hidden: frozenset[str]
    """Paths whose values came from references: never to be shown."""
    problems: tuple[Problem, ...]

    def leaves_open(self, path: str) -> bool:
        """Whether what is at ``path`` cannot be judged, because a reference in it was not resolved."""
        return any(f"{problem.path}.".startswith(f"{path}.") for problem in self.problems)


def resolve_settings(document: Document) -> ResolvedSettings:
    """The document's data with its references outside the spec replaced."""
    hidden: set[str] = set()
    problems: list[Problem] = []

    def walk(value: Any, path: tuple[str | int, ...]) -> Any:
        if isinstance(value, dict):
            return {key: walk(item, (*path, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [walk(item, (*path, number)) for number, item in enumerate(value)]
        if not isinstance(value, str) or "${" not in value:
            return value
        hidden.add(dotted(path))
        try:
            return _resolved(value, dotted(path))
        except SpecRejected as rejected:
            problems.extend(
                document.problem(each.path, each.message, each.code) for each in rejected.problems
            )
            return value

    value = {
        key: item if key in _LEFT_AS_WRITTEN else walk(item, (key,)) for key, item in document.value.items()
    }
    return ResolvedSettings(value, frozenset(hidden), tuple(problems))


def _resolved(text: str, path: str) -> str:
    for part in split(text, path):
        if isinstance(part, Reference) and part.kind == "secret":
            message = (
                f"{part} is for the spec; here use ${{credential:NAME}}, ${{env:NAME}} or ${{file:/path}}"
            )
            raise SpecRejected([Problem(path, message, "secret_not_allowed")])
    return References().resolve(text, path=path, host=None)
