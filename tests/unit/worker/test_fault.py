"""What is said of errors in users' code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edged.errors import AlgorithmError
from edged.worker.fault import describe_fault


def fault_of(path: Path, code: str) -> str:
    path.write_text(code)
    try:
        exec(compile(code, str(path), "exec"), {"json": json})
    except (Exception, SystemExit) as error:  # noqa: BLE001 — what it is is what is tested
        return describe_fault(error)
    return ""


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("\nraise ValueError('no such camera')", "ValueError: no such camera (mine.py:2)"),
        ("def f():\n    1 / 0\nf()", "ZeroDivisionError: division by zero (mine.py:2)"),
        ("raise KeyError", "KeyError (mine.py:1)"),
        ("raise SystemExit(3)", "SystemExit: 3 (mine.py:1)"),
        ("\n\njson.loads('{')", "(mine.py:3)"),
    ],
)
def test_type_message_and_the_line_in_their_file(tmp_path: Path, code: str, said: str) -> None:
    assert fault_of(tmp_path / "mine.py", code).endswith(said)


def test_what_edged_says_stands_as_it_is() -> None:
    assert describe_fault(AlgorithmError("data: a set is no JSON")) == "data: a set is no JSON"


def test_novels_are_cut() -> None:
    assert len(describe_fault(ValueError("x" * 100_000))) < 1100


@pytest.mark.parametrize("length", range(20))
def test_words_are_not_cut(tmp_path: Path, length: int) -> None:
    text = "x" * length + " seventeen letters" * 100
    theirs = fault_of(tmp_path / "mine.py", f"raise ValueError({text!r})")
    for said, longest in (
        (describe_fault(AlgorithmError(text)), 1000),
        (theirs.removesuffix(" (mine.py:1)"), 500),
    ):
        assert longest - len(" seventeen") < len(said) <= longest
        assert said.endswith((" seventeen…", " letters…"))


def test_a_text_that_just_fits_stands_as_it_is() -> None:
    assert describe_fault(AlgorithmError("ab " * 333 + "c")) == "ab " * 333 + "c"


def test_a_secret_is_left_out_also_where_the_text_is_cut() -> None:
    said = describe_fault(ValueError("x" * 495 + "hunter2"), ["hunter2"])
    assert "hun" not in said
    assert describe_fault(AlgorithmError("no model 'hunter2'"), ["hunter2"]) == "no model '***'"
