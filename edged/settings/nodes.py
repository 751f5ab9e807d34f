"""YAML 1.2 text as a tree of nodes with their places, before anchors are expanded.

Built on the parser's events rather than on its loader: so depth is bounded before memory is, and
duplicate keys, tags and impossible numbers are all collected instead of ending it at the first.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

from ruamel.yaml import YAML
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from edged.errors import Problem, SpecRejected
from edged.settings.document import dotted
from edged.settings.scalars import Scalar, resolve_scalar

MAX_DEPTH = 32
MAX_VALUES = 50_000
"""Values in all, those that anchors repeat counted each time."""
_STRING_TAGS = ("!", "tag:yaml.org,2002:str")

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """One value; ``line`` and ``column`` are 1-based."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Leaf(Node):
    value: Scalar = field(repr=False)


@dataclass(frozen=True, slots=True)
class Items(Node):
    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    key: str
    line: int
    column: int
    node: Node


@dataclass(frozen=True, slots=True)
class Entries(Node):
    entries: tuple[Entry, ...]
    """Its own, then those that ``<<`` fills in."""


class Composer:
    """Reads one text; `problems` holds what was wrong without making the rest unreadable."""

    def __init__(self, text: str, file: str) -> None:
        self._text = text
        self._file = file
        self._anchors: dict[str, Node] = {}
        self._merged = 0
        self.problems: list[Problem] = []

    def compose(self) -> Node | None:
        """The root node; None when there is nothing in the text.

        Raises the parser's YAMLError for broken syntax, `SpecRejected` for nesting that is too deep.
        """
        events = _events(self._text)
        root: Node | None = None
        for event in events:
            if isinstance(event, DocumentStartEvent) and root is not None:
                self._complain(event, (), "a second document begins here; a file holds one")
                return root
            if isinstance(event, (NodeEvent, StreamEndEvent)):
                root = root if isinstance(event, StreamEndEvent) else self._node(event, events, ())
        return root

    def _node(self, event: Event, events: Iterator[Event], path: Path) -> Node:
        if len(path) > MAX_DEPTH:
            self._complain(event, path[:4], f"is nested more than {MAX_DEPTH} levels deep")
            raise SpecRejected(self.problems)
        if isinstance(event, AliasEvent):
            return self._alias(event, path)
        if isinstance(event, ScalarEvent):
            node: Node = self._leaf(event, path)
        elif isinstance(event, SequenceStartEvent):
            node = self._items(event, events, path)
        else:
            node = self._entries(event, events, path)
        self._check_tag(event, path)
        if anchor := getattr(event, "anchor", None):
            self._anchors[anchor] = node
        return node

    def _alias(self, event: AliasEvent, path: Path) -> Node:
        node = self._anchors.get(event.anchor)
        if node is None:
            self._complain(
                event,
                path,
                "refers to an anchor that is not defined above; put text that begins with * in quotes",
            )
            return Leaf(*_place(event), None)
        return node

    def _leaf(self, event: ScalarEvent, path: Path) -> Leaf:
        value: Scalar = self._unicode(event, path)
        if event.implicit[0] and isinstance(value, str):
            try:
                value = resolve_scalar(value)
            except ValueError as error:
                self._complain(event, path, str(error))
                value = None
        return Leaf(*_place(event), value)

    def _items(self, start: Event, events: Iterator[Event], path: Path) -> Items:
        nodes: list[Node] = []
        for event in events:
            if isinstance(event, SequenceEndEvent):
                break
            nodes.append(self._node(event, events, (*path, len(nodes))))
        return Items(*_place(start), tuple(nodes))

    def _entries(self, start: Event, events: Iterator[Event], path: Path) -> Entries:
        own: dict[str, Entry] = {}
        filled: dict[str, Entry] = {}
        for event in events:
            if isinstance(event, MappingEndEvent):
                break
            key = self._key(event, events, path)
            if key == "<<" and isinstance(event, ScalarEvent) and event.implicit[0]:
                node = self._node(next(events), events, (*path, "<<"))
                self._merge(node, filled, path)
                continue
            node = self._node(next(events), events, (*path, key))
            if key in own:
                message = f"is already set in line {own[key].line}; a key can be set once"
                self._complain(event, (*path, key), message)
            else:
                own[key] = Entry(key, *_place(event), node)
        return Entries(*_place(start), tuple((own | (filled | own)).values()))

    def _key(self, event: Event, events: Iterator[Event], path: Path) -> str:
        """A key as it is written: ``on``, ``1`` and ``true`` are names too."""
        if isinstance(event, ScalarEvent):
            self._check_tag(event, path)
            return self._unicode(event, path)
        self._complain(event, path, "a key should be one word, not a list, a mapping or an alias")
        if not isinstance(event, AliasEvent):
            self._node(event, events, (*path, "?"))
        return "?"

    def _merge(self, node: Node, filled: dict[str, Entry], path: Path) -> None:
        """``<<`` fills in keys that are not set otherwise; of several mappings the first wins."""
        for each in node.nodes if isinstance(node, Items) else (node,):
            entries = each.entries if isinstance(each, Entries) else ()
            self._merged += len(entries)
            for entry in entries:
                filled.setdefault(entry.key, entry)
            if not isinstance(each, Entries):
                self._complain_at(node, path, "<< takes an anchored mapping (*name) or a list of them")
            if self._merged > MAX_VALUES:
                self._complain_at(node, path, f"<< repeats more than {MAX_VALUES} values")
                raise SpecRejected(self.problems)

    def _check_tag(self, event: Event, path: Path) -> None:
        tag = getattr(event, "tag", None)
        if tag is not None and str(tag) not in _STRING_TAGS:
            message = (
                "tags such as !secret and !include are not used here; references are written ${file:/path},"
                " ${env:NAME} or ${secret:NAME}, and text that begins with ! is put in quotes"
            )
            self._complain(event, path, message)

    def _unicode(self, event: ScalarEvent, path: Path) -> str:
        """JSON writes characters beyond the first 65536 as two escapes, which come as two halves."""
        text = str(event.value)
        try:
            return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
        except UnicodeDecodeError:
            self._complain(event, path, "holds half of a character (an unpaired \\u escape)")
            return ""

    def _complain(self, event: Event, path: Path, message: str) -> None:
        self.problems.append(Problem(dotted(path), message, "invalid", self._file, *_place(event)))

    def _complain_at(self, node: Node, path: Path, message: str) -> None:
        self.problems.append(Problem(dotted(path), message, "invalid", self._file, node.line, node.column))


def _events(text: str) -> Iterator[Event]:
    yield from YAML(typ="safe", pure=True).parse(_without_json_tabs(text))


def _without_json_tabs(text: str) -> str:
    """JSON may be indented with tabs, YAML may not; one space each keeps lines and columns."""
    if "\t" not in text or not text.lstrip().startswith("{"):
        return text
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return text
    return text.replace("\t", " ")


def _place(event: Event) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1
