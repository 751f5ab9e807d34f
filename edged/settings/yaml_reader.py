"""YAML 1.2 (and so JSON) to plain data with the place of every key and value."""

from __future__ import annotations

from typing import Any

from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.reader import ReaderError

from edged.errors import Problem, SpecRejected
from edged.settings.document import Document, Place, dotted
from edged.settings.nodes import MAX_DEPTH, MAX_VALUES, Composer, Entries, Items, Leaf, Node, Path

_MINIMAL = "spec: {sources: {cam: {url: video.mp4}}, jobs: {people: {algorithm: motion}}}"

_EXPLAINED = (
    ("'\\t'", "a tab cannot indent YAML: use spaces"),
    (
        "mapping values are not",
        'a colon where none can stand: check the indentation, and put text with ": " in quotes',
    ),
    ("could not find expected ':'", 'a key without its colon and a space: write "key: value"'),
    ("unexpected end of stream", "a quote that is opened here is never closed"),
    ("expected <block end>", "does not line up with what is above it: check the indentation"),
    (
        "sequence entries are not",
        'a list item where none can stand: put "- " on a line of its own below the key',
    ),
    ("expected ',' or", "a comma or a closing bracket is missing before this"),
    (
        "expected the node content",
        "a value is missing here, or text that begins with a special character needs quotes",
    ),
    ("unknown escape character", "an unknown escape: use single quotes, or write the backslash twice"),
    ("cannot start any token", "a character that text cannot begin with: put the text in quotes"),
    ("tag", "text that begins with ! is put in quotes; tags are not used here"),
    ("anchor", "an anchor or alias that cannot be read: put text that begins with & or * in quotes"),
    ("alias", "an anchor or alias that cannot be read: put text that begins with & or * in quotes"),
)
"""The parser's words and ours. Its own are never shown: they may quote what stands there, a password too."""


def read_yaml(text: str, file: str) -> tuple[Document, list[Problem]]:
    """The document, and what is wrong with it though the rest can be checked (duplicate keys, tags).

    Raises `SpecRejected` when the text cannot be read, is empty, or is no mapping at its top.
    """
    composer = Composer(text, file)
    try:
        root = composer.compose()
    except YAMLError as error:
        raise SpecRejected([*composer.problems, _explain(error, text, file)]) from None
    if root is None or (isinstance(root, Leaf) and root.value is None):
        raise SpecRejected(
            [*composer.problems, _whole(file, f"the file is empty; a minimal one is {_MINIMAL}")]
        )
    if not isinstance(root, Entries):
        kind = "a list" if isinstance(root, Items) else "text"
        raise SpecRejected(
            [*composer.problems, _whole(file, f"should be a mapping, not {kind}; for example {_MINIMAL}")]
        )
    expansion = _Expansion(file)
    value = expansion.mapping(root, ())
    return Document(file, value, expansion.places), composer.problems


class _Expansion:
    """Nodes to plain data, anchors repeated wherever they are used, within `MAX_VALUES`."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._values = 0
        self.places: dict[str, Place] = {}

    def mapping(self, node: Entries, path: Path) -> dict[str, Any]:
        self._count(node, path)
        value: dict[str, Any] = {}
        for entry in node.entries:
            below = (*path, entry.key)
            self.places[dotted(below)] = Place(entry.line, entry.column, entry.node.line, entry.node.column)
            value[entry.key] = self._value(entry.node, below)
        return value

    def _value(self, node: Node, path: Path) -> Any:
        if isinstance(node, Entries):
            return self.mapping(node, path)
        self._count(node, path)
        if isinstance(node, Leaf):
            return node.value
        assert isinstance(node, Items)  # noqa: S101  # narrows: there is no fourth kind
        value = []
        for number, item in enumerate(node.nodes):
            below = (*path, number)
            self.places[dotted(below)] = Place(item.line, item.column, item.line, item.column)
            value.append(self._value(item, below))
        return value

    def _count(self, node: Node, path: Path) -> None:
        self._values += 1
        if self._values > MAX_VALUES:
            raise self._refuse(
                node, path[:4], f"the file holds more than {MAX_VALUES} values, anchors counted in full"
            )
        if len(path) > MAX_DEPTH:
            raise self._refuse(node, path[:4], f"is nested more than {MAX_DEPTH} levels deep")

    def _refuse(self, node: Node, path: Path, message: str) -> SpecRejected:
        return SpecRejected([Problem(dotted(path), message, "invalid", self._file, node.line, node.column)])


def _explain(error: YAMLError, text: str, file: str) -> Problem:
    if isinstance(error, ReaderError):
        before = text[: error.position]
        line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
        point = f"U+{ord(text[error.position]):04X}"
        message = f"a character ({point}) that text cannot hold; write it as an escape in quotes"
        return Problem("", message, "invalid", file, line, column)
    said = ""
    mark = None
    if isinstance(error, MarkedYAMLError):
        said = str(error.problem or "")
        # where a quote began says more than where the file ends
        unclosed = "end of stream" in said and error.context_mark is not None
        mark = error.context_mark if unclosed else error.problem_mark or error.context_mark
    message = next((ours for theirs, ours in _EXPLAINED if theirs in said), "cannot be read as YAML here")
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
    return Problem("", message, "invalid", file, line, column)


def _whole(file: str, message: str) -> Problem:
    return Problem("", message, "invalid", file, 1, 1)
