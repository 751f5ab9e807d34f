"""From a file to settings that can be used, or every problem of it at once."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from edged.errors import Problem, SpecRejected
from edged.settings.cross_checks import check_spec
from edged.settings.document import Document
from edged.settings.explain import explain
from edged.settings.references import References
from edged.settings.resolving import resolve_settings
from edged.settings.schema import Settings, anchored

MAX_BYTES = 512 * 1024


@dataclass(frozen=True, slots=True)
class Loaded:
    """A file that is valid as a whole; or its settings with a spec from the network, see `read_spec`."""

    settings: Settings
    """With the device's own references resolved and its paths absolute; ``spec`` as it is written."""
    document: Document
    references: References
    """Resolves what the file's spec refers to."""

    def problem(self, path: str, message: str, code: str = "invalid") -> Problem:
        """A problem found later, with the place in the file that ``path`` stands at."""
        return self.document.problem(path, message, code)


def load_settings(path: Path) -> Loaded:
    """Read and check a file. Raises `SpecRejected` with all that is wrong, in the order of lines."""
    return parse_settings(_read(path), file=str(path), folder=path.absolute().parent)


def parse_settings(text: str, *, file: str, folder: Path) -> Loaded:
    """As `load_settings`, of text already read; relative paths in it count from ``folder``."""
    # the parser costs more to import than all else here, and only reading a file needs it
    from edged.settings.yaml_reader import read_yaml

    document, problems = read_yaml(text, file)
    resolved = resolve_settings(document)
    problems += resolved.problems
    problems += check_spec(document)
    settings = None
    try:
        settings = Settings.model_validate(resolved.value)
    except ValidationError as error:
        found = explain(error, document, resolved.hidden)
        problems += [problem for problem in found if not resolved.leaves_open(problem.path)]
    if problems or settings is None:
        raise SpecRejected(in_order(problems))
    settings = anchored(settings, folder)
    return Loaded(settings, document, References(settings.secrets))


def in_order(problems: Sequence[Problem]) -> list[Problem]:
    """By line, and only the first one of each place."""
    first: dict[str, Problem] = {}
    for problem in problems:
        first.setdefault(problem.path or f":{problem.line}", problem)
    return sorted(first.values(), key=lambda problem: (problem.line, problem.column, problem.path))


def _read(path: Path) -> str:
    file = str(path)
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            kind = "a folder" if stat.S_ISDIR(mode) else "no ordinary file"
            raise SpecRejected([Problem("", f"is {kind}; name a YAML file", "invalid", file)])
        with path.open("rb") as opened:
            content = opened.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise SpecRejected([Problem("", "there is no such file", "not_found", file)]) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "cannot be opened under this name"
        raise SpecRejected([Problem("", f"cannot be read: {reason}", "invalid", file)]) from None
    if len(content) > MAX_BYTES:
        message = f"is larger than {MAX_BYTES // 1024} KiB; this is no settings file"
        raise SpecRejected([Problem("", message, "too_large", file)])
    return _decoded(content, file)


def _decoded(content: bytes, file: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line, column = before.count(b"\n") + 1, error.start - (before.rfind(b"\n") + 1) + 1
        message = "is not UTF-8 text; save the file as UTF-8"
        raise SpecRejected([Problem("", message, "invalid", file, line, column)]) from None
