"""YAML 1.2 as people write it, broken in the ways in which they break it."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.errors import SpecRejected
from edged.settings.yaml_reader import read_yaml


def read(text: str) -> dict[str, object]:
    document, problems = read_yaml(text, "f.yaml")
    assert not problems, problems
    return document.value


def rejection(text: str) -> tuple[int, int, str]:
    with pytest.raises(SpecRejected) as caught:
        read_yaml(text, "f.yaml")
    problem = caught.value.problems[-1]
    return problem.line, problem.column, problem.message


def complaint(text: str) -> tuple[str, int, int, str]:
    _, (problem,) = read_yaml(text, "f.yaml")
    return problem.path, problem.line, problem.column, problem.message


def test_on_and_no_and_times_stay_text() -> None:
    text = "on: no\nyes: off\nt: 12:30:00\nd: 2026-11-20\nu: 1_000\nv: 3.1.1\n"
    assert read(text) == {
        "on": "no", "yes": "off", "t": "12:30:00", "d": "2026-11-20", "u": "1_000", "v": "3.1.1",
    }  # fmt: skip


def test_numbers_words_and_quotes() -> None:
    text = "a: 012\nb: 0x1F\nc: 0o17\nd: 1e3\ne: .5\nf: ~\ng: TRUE\n"
    text += "h: '12'\ni: \"true\"\nj:\nk: -3\nl: !!str 5\n"
    assert read(text) == {
        "a": 12, "b": 31, "c": 15, "d": 1000.0, "e": 0.5, "f": None, "g": True, "h": "12", "i": "true",
        "j": None, "k": -3, "l": "5",
    }  # fmt: skip


def test_names_are_what_is_written() -> None:
    assert list(read("1: a\n02: b\ntrue: c\n~: d\n")) == ["1", "02", "true", "~"]


def test_anchors_and_merges() -> None:
    text = "base: &b {fps: 5, loop: true}\na: {<<: *b, fps: 6}\nc: {fps: 7, <<: [*b, {x: 1}]}\nd: *b\n"
    value = read(text)
    assert value["a"] == {"fps": 6, "loop": True}
    assert value["c"] == {"fps": 7, "loop": True, "x": 1}
    assert value["d"] == {"fps": 5, "loop": True}


def test_json_with_tabs_and_escapes_is_read() -> None:
    data = {"a": {"b": [1, 2.5, None, True, "x/y \U0001f600 \u00e4"]}, "c": {}}
    document, problems = read_yaml(json.dumps(data, indent="\t"), "f.json")
    assert not problems
    assert document.value == data
    assert document.place("a.b.4") == (8, 4)


def test_every_key_and_value_has_its_place() -> None:
    document, _ = read_yaml("a:\n  b: [x, {c: d}]\n", "f.yaml")
    assert document.place("a") == (1, 1)
    assert document.place("a.b") == (2, 6)
    assert document.key_place("a.b") == (2, 3)
    assert document.place("a.b.0") == (2, 7)
    assert document.place("a.b.1.c") == (2, 14)


@pytest.mark.parametrize(
    ("text", "line", "column", "says"),
    [
        ("a: 1\n\tb: 2\n", 2, 1, "use spaces"),
        ("a: b: c\n", 1, 5, "in quotes"),
        ("a:\n  b: 1\n c: 2\n", 3, 2, "indentation"),
        ("a: 'x\nb: 2\n", 1, 4, "never closed"),
        ("a: [1, 2\nb: 3\n", 2, 2, "bracket"),
        ("a: {b: 1\n", 2, 1, ""),
        ("a: @x\n", 1, 4, "quotes"),
        ("a: %x\n", 1, 4, "quotes"),
        ("a\nb: 1\n", 2, 2, ""),
        ('a: "\\q"\n', 1, 6, "escape"),
        ("a: \x01\n", 1, 4, "U+0001"),
        ("a: !foo!bar x\n", 1, 4, "quotes"),
        ("", 1, 1, "the file is empty; a minimal one is"),
        ("# only a comment\n", 1, 1, "the file is empty"),
        ("---\n", 1, 1, "the file is empty"),
        ("- a\n- b\n", 1, 1, "not a list"),
        ("hello\n", 1, 1, "not text"),
        ("[" * 5000, 1, 34, "levels deep"),
        ("a: " + "{b: " * 5000, 1, 132, "levels deep"),
    ],
)
def test_broken_text_is_pointed_at(text: str, line: int, column: int, says: str) -> None:
    assert says in rejection(text)[2]
    assert rejection(text)[:2] == (line, column)


@pytest.mark.parametrize(
    ("text", "path", "line", "column", "says"),
    [
        ("a: 1\nb: 2\na: 3\n", "a", 3, 1, "already set in line 1"),
        ("s: {x: {u: 1, u: 2}}\n", "s.x.u", 1, 15, "already set in line 1"),
        ("a: !secret foo\n", "a", 1, 4, "${secret:NAME}"),
        ("a: *b\n", "a", 1, 4, "not defined above"),
        ("a: &x {b: *x}\n", "a.b", 1, 11, "not defined above"),
        ("? [a]\n: 1\n", "", 1, 3, "a key should be one word"),
        ("a: 99999999999999999999\n", "a", 1, 4, "too large"),
        ("a: " + "9" * 5000 + "\n", "a", 1, 4, "too large"),
        ("a: 1e999\n", "a", 1, 4, "finite"),
        ('a: "\\ud83d"\n', "a", 1, 4, "half of a character"),
        ("<<: 3\n", "", 1, 5, "<< takes"),
        ("a: 1\n---\nb: 2\n", "", 2, 1, "a second document"),
    ],
)
def test_what_can_be_read_past_is_collected(text: str, path: str, line: int, column: int, says: str) -> None:
    found = complaint(text)
    assert found[:3] == (path, line, column)
    assert says in found[3]


def test_a_password_that_breaks_the_syntax_is_not_repeated() -> None:
    for text in (
        "p: *hunter2\n",
        "p: !hunter2!x y\n",
        "p: !hunter2 x\n",
        "p: 'hunter2\n",
        "p: %hunter2\n",
        "p: @hunter2",
    ):
        try:
            _, problems = read_yaml(text, "f.yaml")
        except SpecRejected as rejected:
            problems = list(rejected.problems)
        assert problems
        assert "hunter2" not in str(problems)


@pytest.mark.parametrize(
    "bomb",
    [
        "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 30)),
        "a0: &a0 {x: 1}\n" + "".join(f"a{i}: &a{i} {{<<: [*a{i - 1}, *a{i - 1}]}}\n" for i in range(1, 2000)),
        "a: &a {"
        + ", ".join(f"k{i}: 1" for i in range(1000))
        + "}\n"
        + "".join(f"b{i}: {{<<: *a}}\n" for i in range(200)),
        "a: [" + "1, " * 60_000 + "1]\n",
    ],
    ids=["anchors", "merges", "wide", "long"],
)
def test_a_bomb_is_refused_or_small_in_bounded_time(bomb: str) -> None:
    begin = time.monotonic()
    try:
        document, _ = read_yaml(bomb, "f.yaml")
        assert len(document.places) <= 50_000
    except SpecRejected as rejected:
        assert "50000" in str(rejected)
    assert time.monotonic() - begin < 20


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
values = st.recursive(
    scalars | texts,
    lambda below: st.lists(below, max_size=4) | st.dictionaries(texts, below, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(texts, values, min_size=1, max_size=4))
def test_any_json_is_read_as_json(data: dict[str, object]) -> None:
    assert read(json.dumps(data)) == data
