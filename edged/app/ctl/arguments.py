"""``key=value`` as people type it: JSON where it is JSON, else text; ``key=@FILE`` from a file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from edged.errors import EdgedError, SpecRejected

_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_MAX_BYTES = 512 * 1024
_TEXTS = {"source", "job", "worker", "what", "url"}
"""Always text: a camera may be called 1, or true."""


class BadWord(ValueError):
    """What is not written as an argument."""


def parse_arguments(words: Iterable[str]) -> dict[str, Any]:
    """Raises `BadWord`, and for a file that cannot be read `SpecRejected`, `EdgedError` or OSError."""
    arguments: dict[str, Any] = {}
    for word in words:
        key, equals, text = word.partition("=")
        if not equals or not _KEY.fullmatch(key):
            raise BadWord(f"{word!r} should be key=value, such as source=gate or spec=@patch.yaml")
        if key == "id":
            raise BadWord("the id is given as --id")
        if key in arguments:
            raise BadWord(f"{key} is given twice")
        arguments[key] = _value(key, text)
    return arguments


def _value(key: str, text: str) -> Any:
    if text.startswith("@"):
        return read_file(Path(text[1:]))
    return text if key in _TEXTS and not text.startswith('"') else parse_value(text)


def parse_value(text: str) -> Any:
    """``true``, ``0.5``, ``"7"``, ``[1]``, ``{"a":1}`` as JSON reads them, anything else as it is."""
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return text


def read_file(path: Path) -> Any:
    """JSON of any kind, or a YAML mapping."""
    if path.stat().st_size > _MAX_BYTES:
        raise EdgedError(f"{path} is larger than {_MAX_BYTES // 1024} KiB", code="too_large")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise EdgedError(f"{path} is not UTF-8 text", code="invalid") from None
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return _read_yaml(text, str(path))


def read_spec(path: Path) -> dict[str, Any]:
    """A spec: alone, or of a whole configuration file the part below ``spec:``."""
    content = read_file(path)
    if isinstance(content, dict) and "spec" in content and not {"sources", "jobs"} & set(content):
        content = content["spec"] or {}
    if not isinstance(content, dict):
        raise EdgedError(f"{path} should be a mapping with sources and jobs", code="invalid")
    return content


def _read_yaml(text: str, file: str) -> dict[str, Any]:
    # the parser costs more to import than all else here, and only a file needs it
    from edged.settings.yaml_reader import read_yaml

    document, problems = read_yaml(text, file)
    if problems:
        raise SpecRejected(problems)
    return document.value


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")
