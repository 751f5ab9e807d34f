from __future__ import annotations

import numpy as np
import pytest

from edged.algorithm import AlgorithmError
from edged.algorithm.heads import Candidates
from edged.algorithm.region import Region
from edged.algorithm.selection import MOST_CANDIDATES, Selection, Shape, Suppression, Thresholds

LABELS = ("person", "car", "dog")


def selection(
    thresholds: Thresholds | None = None,
    shape: Shape = Shape(),  # noqa: B008 - frozen
    suppression: Suppression = Suppression.AUTO,
    most: int = 10,
) -> Selection:
    return Selection(
        thresholds or Thresholds.of(0.4, None, LABELS), shape, Region(), suppression, iou=0.5, most=most
    )


def candidates(*rows: tuple[float, int], box: tuple[float, ...] = (0, 0, 10, 10)) -> Candidates:
    """Of (score, label), all in one place."""
    return Candidates(
        np.array([box] * len(rows), dtype=np.float32).reshape(-1, 4),
        np.array([score for score, _ in rows], dtype=np.float32),
        np.array([label for _, label in rows], dtype=np.intp),
    )


def test_each_label_has_its_score() -> None:
    thresholds = Thresholds.of({"person": 0.5, "dog": 0.25}, None, LABELS)
    assert thresholds.scores.tolist() == [0.5, pytest.approx(0.4), 0.25]
    assert Thresholds.of({"car": 0.75, "default": 0.25}, None, LABELS).scores.tolist() == [0.25, 0.75, 0.25]
    found = selection(thresholds).reaching(candidates((0.45, 0), (0.45, 1), (0.3, 2), (0.3, 1), (0.6, 0)))
    assert found.label_ids.tolist() == [1, 2, 0]


def test_what_is_not_wanted_reaches_no_score() -> None:
    thresholds = Thresholds.of({"person": 0.1, "default": 0.3}, {1, 2}, LABELS)
    assert thresholds.least == pytest.approx(0.3)
    found = selection(thresholds).reaching(candidates((1.0, 0), (0.5, 1)))
    assert found.label_ids.tolist() == [1]
    assert Thresholds.of(0.3, (), LABELS).least > 1


def test_a_score_for_a_label_that_there_is_not_is_told() -> None:
    with pytest.raises(AlgorithmError, match="did you mean 'person'"):
        Thresholds.of({"persons": 0.5}, None, LABELS)


def test_boxes_are_chosen_by_size_and_shape() -> None:
    boxes = np.array(
        [
            [0, 0, 0.5, 0.5],
            [0, 0, 0.05, 0.5],
            [0, 0, 0.9, 0.5],
            [0, 0, 0.5, 0.9],
            [0, 0.5, 0.5, 0.5],
            [0, 0, 0.2, 0.2],
        ]
    )
    chosen = Shape(smallest=(0.1, 0.1), largest=(0.8, 0.8)).fits(boxes, 200, 100)
    assert chosen.tolist() == [True, False, False, False, False, True]
    assert Shape().fits(boxes, 200, 100).tolist() == [True, True, True, True, False, True]
    # of a frame twice as wide as high, half of it by half of it has an aspect of 2
    assert Shape(min_aspect=1.5, max_aspect=3).fits(boxes, 200, 100).tolist() == [
        True, False, False, False, False, True,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("suppression", "finished", "kept"),
    [
        (Suppression.AUTO, False, [1, 2]),
        (Suppression.AUTO, True, [1, 0, 2]),
        (Suppression.CLASS, True, [1, 2]),
        (Suppression.ALL, False, [1]),
        (Suppression.NONE, False, [1, 0, 2]),
    ],
)
def test_doubles_are_what_the_job_says(suppression: Suppression, finished: bool, kept: list[int]) -> None:
    found = candidates((0.8, 0), (0.9, 0), (0.7, 1))
    best = selection(suppression=suppression).best(found, finished=finished)
    assert best.tolist() == kept
    assert selection(suppression=suppression, most=1).best(found, finished=finished).tolist() == [1]


def test_of_too_many_the_best_are_looked_at() -> None:
    number = MOST_CANDIDATES + 50
    scores = np.linspace(0.5, 1, number, dtype=np.float32)
    many = Candidates(np.zeros((number, 4), dtype=np.float32), scores, np.zeros(number, dtype=np.intp))
    found = selection().reaching(many)
    assert len(found) == MOST_CANDIDATES
    assert found.scores.min() == scores[50]
