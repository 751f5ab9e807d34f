from __future__ import annotations

import datetime
import enum
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.algorithm import AlgorithmError, jsonable

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(json_values)
def test_plain_json_stays_as_it_is(value: Any) -> None:
    assert jsonable(value) == value


numpy_leaves = (
    st.floats()
    | st.floats(width=32).map(np.float32)
    | st.integers(-9, 9).map(np.int16)
    | st.booleans().map(np.bool_)
    | st.lists(st.floats(), max_size=3).map(np.array)
)
numpy_values = st.recursive(
    numpy_leaves,
    lambda inner: (
        st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(numpy_values)
def test_what_numpy_makes_becomes_strict_json(value: Any) -> None:
    json.loads(json.dumps(jsonable(value), allow_nan=False))


def test_numpy_becomes_plain() -> None:
    made = jsonable(
        {"n": np.int64(3), "f": np.float32(0.5), "b": np.True_, "a": np.array([[1, 2]]), "t": (1, 2)}
    )
    assert made == {"n": 3, "f": 0.5, "b": True, "a": [[1, 2]], "t": [1, 2]}
    assert type(made["n"]) is int
    assert type(made["b"]) is bool


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, np.float32("nan"), np.float64("inf")])
def test_nan_becomes_null(value: float) -> None:
    assert jsonable([value, {"x": value}, np.array([value])]) == [None, {"x": None}, [None]]


def test_text_that_utf8_does_not_know_is_replaced() -> None:
    assert jsonable("a\ud800b").encode("utf-8") == b"a?b"


class Colour(enum.Enum):
    RED = 1


class Tensor:
    def tolist(self) -> list[int]:
        return [1]


@pytest.mark.parametrize(
    ("value", "mend"),
    [
        ({1, 2}, "sorted(value)"),
        (frozenset(), "list(value)"),
        (b"x", "base64"),
        (1j, "value.real"),
        (datetime.datetime(2026, 1, 1), "value.isoformat()"),
        (Path("x"), "str(value)"),
        (Colour.RED, "value.value"),
        (Tensor(), "value.tolist()"),
        (object(), "numbers, text, lists and dicts"),
        (np.array([object()]), "numbers, text, lists and dicts"),
        (np.zeros((400, 400, 3)), "too large"),
    ],
)
def test_anything_else_says_where_and_how_to_mend_it(value: Any, mend: str) -> None:
    with pytest.raises(AlgorithmError) as raised:
        jsonable({"zones": [0, {"people": value}]})
    assert mend in str(raised.value)
    assert str(raised.value).startswith("data.zones[1].people")


def test_keys_are_text() -> None:
    assert jsonable({1: "a", np.int8(2): "b"}) == {"1": "a", "2": "b"}
    with pytest.raises(AlgorithmError, match="use str"):
        jsonable({(1, 2): 3})
    with pytest.raises(AlgorithmError, match="twice"):
        jsonable({1: "a", "1": "b"})


def test_what_holds_itself_is_refused() -> None:
    knot: list[Any] = []
    knot.append(knot)
    with pytest.raises(AlgorithmError, match="nested deeper"):
        jsonable(knot)
