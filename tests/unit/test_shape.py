"""The size rules of the code, as a test: a file has one noun, a function one job."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent.parent
FILES = sorted(path for folder in ("edged", "algos") for path in (REPOSITORY / folder).rglob("*.py"))
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 50
MAX_NESTING = 3
VAGUE_NAMES = {"util", "utils", "helper", "helpers", "common", "core", "misc", "manager", "handler", "info"}

_BLOCKS = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.TryStar, ast.Match)
_Function = ast.FunctionDef | ast.AsyncFunctionDef


def name_of(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


def functions(tree: ast.AST) -> Iterator[_Function]:
    return (node for node in ast.walk(tree) if isinstance(node, _Function))


def nesting(node: ast.AST) -> int:
    """How many blocks lie in one another below ``node``; functions inside count for themselves."""
    deepest = 0
    for child in ast.iter_child_nodes(node):
        if isinstance(child, _Function | ast.ClassDef | ast.Lambda):
            continue
        is_elif = isinstance(child, ast.If) and isinstance(node, ast.If) and node.orelse == [child]
        is_block = isinstance(child, _BLOCKS) and not is_elif
        deepest = max(deepest, nesting(child) + is_block)
    return deepest


def test_there_is_something_to_measure() -> None:
    assert len(FILES) > 20


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_shape(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MAX_FILE_LINES
    assert not VAGUE_NAMES & set(path.stem.split("_")), "a name that says nothing"
    for function in functions(ast.parse(text)):
        where = f"{name_of(path)}:{function.lineno} {function.name}"
        assert (function.end_lineno or 0) - function.lineno + 1 <= MAX_FUNCTION_LINES, where
        assert nesting(function) <= MAX_NESTING, f"{where} nests {nesting(function)} deep"


def test_nesting_is_counted_as_people_do() -> None:
    source = "def f():\n for a in b:\n  if a:\n   x\n  elif b:\n   x\n  elif c:\n   x\n"
    assert nesting(ast.parse(source).body[0]) == 2
    assert nesting(ast.parse("def f():\n with a:\n  try:\n   x\n  finally:\n   if x:\n    x\n").body[0]) == 3
