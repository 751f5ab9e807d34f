from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from edged.algorithm import AlgorithmError
from edged.algorithm.heads import Outputs, own_head

OUTPUTS = Outputs(("raw",), (np.arange(6, dtype=np.float32).reshape(1, 6),), 64, 32)


def decode(function: Callable[..., Any], score: float = 0.5) -> Any:
    return own_head("mine:head", function).decode(OUTPUTS, score)


def test_it_is_given_all_outputs_and_the_size_of_the_picture() -> None:
    def head(outputs: list[Any], width: int, height: int, score: float) -> Any:
        assert [each.tolist() for each in outputs] == [[[0, 1, 2, 3, 4, 5]]]
        return [[0, 0, width, height], [1, 1, 2, 2]], [score, score / 2], (3, 4)

    made = decode(head)
    assert made.boxes.tolist() == [[0, 0, 64, 32]]
    assert (made.scores.tolist(), made.label_ids.tolist()) == ([0.5], [3])


@pytest.mark.parametrize("nothing", [([], [], []), (np.zeros((0, 4)), np.zeros(0), np.zeros(0))])
def test_nothing_found_is_no_boxes(nothing: Any) -> None:
    assert decode(lambda *_: nothing).boxes.shape == (0, 4)


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (None, "returned a NoneType: return boxes"),
        (
            (np.zeros((2, 4)), np.zeros(2)),
            r"returned 2 parts \(ndarray \(2, 4\), ndarray \(2,\)\): return boxes",
        ),
        ((np.zeros((2, 5)), np.zeros(2), np.zeros(2)), "return boxes"),
        ((np.zeros((2, 4)), np.zeros(3), np.zeros(2)), "return boxes"),
        ((np.zeros((2, 4)), np.zeros((2, 1)), np.zeros(2)), "return boxes"),
        ((np.zeros(4), np.zeros(1), np.zeros(1)), "return boxes"),
        (([[1, 2], [3]], [1], [1]), "return boxes"),
        (([[0, 0, 1, 1]], ["high"], [0]), "return boxes"),
        ((np.full((1, 4), np.nan), np.ones(1), np.zeros(1)), "NaN or infinite numbers"),
        ((np.ones((1, 4)), np.full(1, np.inf), np.zeros(1)), "NaN or infinite numbers"),
        ((np.ones((1, 4)), np.ones(1), np.full(1, np.nan)), "return boxes|NaN"),
        ((np.ones((1, 4)), np.ones(1), [-1]), "class"),
    ],
)
def test_what_cannot_be_boxes_names_the_function_and_the_mend(returned: Any, message: str) -> None:
    with pytest.raises(AlgorithmError, match=rf"head mine:head returned .*({message})|{message}") as raised:
        decode(lambda *_: returned)
    assert "mine:head" in str(raised.value)


def test_an_exception_names_the_function_and_its_line() -> None:
    def head(outputs: list[Any], width: int, height: int, score: float) -> Any:
        return outputs[7]

    with pytest.raises(AlgorithmError, match=r"head mine:head failed at .*test_own_head\.py:\d+: IndexError"):
        decode(head)
