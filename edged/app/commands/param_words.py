"""``name=value`` on a command line: the params of an algorithm."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from edged.errors import SpecRejected


def params_of(words: Iterable[str]) -> dict[str, Any]:
    """JSON where it is JSON; a list or a mapping as in a config; else text. Raises ValueError."""
    params: dict[str, Any] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals or not name:
            raise ValueError(f"{word!r}: give it as name=value")
        params[name] = _value(text, word)
    return params


def _value(text: str, word: str) -> Any:
    """``word``: all that was given."""
    from edged.settings.yaml_reader import read_yaml

    with suppress(ValueError):
        return json.loads(text)
    if not text.startswith(("[", "{")):
        return text
    with suppress(SpecRejected):
        document, problems = read_yaml(f"value: {text}", "--param")
        if not problems:
            return document.value["value"]
    raise ValueError(f"{word!r}: that list or mapping does not end, or is none")
