"""The fenced blocks of a page, and whether what came out is what the page shows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
_CODE = re.compile(r"`([^`\n]+)`")


@dataclass(frozen=True)
class Block:
    """One fenced block, and where it stands."""

    language: str
    text: str
    section: str
    """The heading above it."""
    line: int
    follows: Block | None = None
    """The block right above it, if there is nothing but empty lines between."""


def blocks(page: Path) -> list[Block]:
    """In their order."""
    text = page.read_text()
    bare = _FENCE.sub(lambda fence: re.sub(r"[^\n]", " ", fence[0]), text)
    found: list[Block] = []
    end = -1
    for fence in _FENCE.finditer(text):
        section = [heading[1] for heading in _HEADING.finditer(bare, 0, fence.start())][-1]
        is_next = end >= 0 and not text[end : fence.start()].strip()
        line = text.count("\n", 0, fence.start()) + 1
        found.append(Block(fence[1], fence[2], section, line, found[-1] if is_next else None))
        end = fence.end()
    return found


def named_in(page: Path, section: str) -> frozenset[str]:
    """What stands between backticks below this heading, up to the next."""
    text = _FENCE.sub("", page.read_text())
    _, _, below = text.partition(f"# {section}\n")
    return frozenset(_CODE.findall(re.split(r"^#", below, maxsplit=1, flags=re.MULTILINE)[0]))


def documents(text: str) -> list[Any]:
    """The JSON objects in what a program printed, each beginning on a line of its own."""
    found, place = [], 0
    while (begin := re.compile(r"^\{", re.MULTILINE).search(text, place)) is not None:
        document, place = json.JSONDecoder().raw_decode(text, begin.start())
        found.append(document)
    return found


def differences(shown: Any, came: Any, named: frozenset[str], path: str = "") -> Iterator[str]:
    """Where ``came`` has other keys or types than what the page shows.

    A key that is not shown has to be ``named`` in the text. Lists hold more or less of the same, and so do
    the objects of `NAMES`.
    """
    if isinstance(shown, Mapping) and isinstance(came, Mapping):
        if path.rpartition(".")[2] in NAMES:
            kinds = {_kind(value) for value in shown.values()}
            yield from (
                f"{path}.{key} is {value!r}" for key, value in came.items() if _kind(value) not in kinds
            )
            return
        yield from (f"{path}.{key} is not there" for key in shown if key not in came)
        yield from (
            f"{path}.{key} is not on the page" for key in came if key not in shown and key not in named
        )
        for key in shown:
            if key in came:
                yield from differences(shown[key], came[key], named, f"{path}.{key}")
    elif isinstance(shown, list) and isinstance(came, list):
        for number, item in enumerate(came if shown else ()):
            yield from differences(shown[0], item, named, f"{path}.{number}")
    elif _kind(shown) != _kind(came):
        yield f"{path} is {came!r}"


NAMES = frozenset({"labels", "heartbeats_s", "hardware", "keyframes"})
"""Objects with keys that differ from device to device."""


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "flag"
    return "number" if isinstance(value, (int, float)) else type(value).__name__
