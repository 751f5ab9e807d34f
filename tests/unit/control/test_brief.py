"""What somebody sent makes no endless line in the log."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.control.brief import LONGEST, MOST, brief


@pytest.mark.parametrize(
    ("things", "line"),
    [
        ([], ""),
        (["one", 2], "one; 2"),
        ([str(number) for number in range(MOST + 3)], f"{'; '.join(map(str, range(MOST)))}; and 3 more"),
        (["x" * (LONGEST + 1)], "x" * (LONGEST - 1) + "…"),
    ],
)
def test_what_it_says(things: list[object], line: str) -> None:
    assert brief(things) == line


@given(st.lists(st.text(max_size=2 * LONGEST), max_size=5 * MOST))
def test_it_is_bounded(things: list[str]) -> None:
    assert len(brief(things)) <= MOST * (LONGEST + 2) + len("and 100 more")
