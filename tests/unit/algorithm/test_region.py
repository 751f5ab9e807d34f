from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.algorithm import WHOLE, AlgorithmError
from edged.algorithm.region import Region

fraction = st.integers(0, 100).map(lambda n: n / 100)


def plainly_inside(point: tuple[float, float], corners: list[tuple[float, float]]) -> bool:
    """By the sum of angles: what a polygon that does not cross itself goes around."""
    turned = 0.0
    for (x1, y1), (x2, y2) in zip(corners, corners[1:] + corners[:1], strict=True):
        angle = math.atan2(y2 - point[1], x2 - point[0]) - math.atan2(y1 - point[1], x1 - point[0])
        turned += (angle + math.pi) % (2 * math.pi) - math.pi
    return abs(turned) > math.pi


@given(
    angles=st.lists(st.integers(0, 359), min_size=3, max_size=9, unique=True),
    lengths=st.lists(st.integers(10, 49), min_size=9, max_size=9),
    points=st.lists(st.tuples(fraction, fraction), min_size=1, max_size=20),
)
def test_points_are_in_it_by_the_sum_of_angles(
    angles: list[int], lengths: list[int], points: list[tuple[float, float]]
) -> None:
    """Around the middle, corner by corner: stars do not cross themselves."""
    star = [
        (
            0.5 + length / 100 * math.cos(math.radians(angle)),
            0.5 + length / 100 * math.sin(math.radians(angle)),
        )
        for angle, length in zip(sorted(angles), lengths, strict=False)
    ]
    off = [(x + 0.00312, y + 0.00177) for x, y in points]  # on no edge but by chance
    holds = Region.of(star).holds(np.array(off))
    assert holds.tolist() == [plainly_inside(point, star) for point in off]


def test_a_box_is_a_region_and_nothing_is_the_whole_frame() -> None:
    region = Region.of([0.25, 0.5, 0.75, 1.0])
    assert region.box == (0.25, 0.5, 0.75, 1.0)
    assert region.holds(np.array([[0.5, 0.6], [0.5, 0.4], [0.9, 0.6]])).tolist() == [True, False, False]
    assert Region.of(None).box == WHOLE
    assert Region.of(None).holds(np.array([[0.0, 1.0]])).tolist() == [True]


def test_of_a_polygon_that_crosses_itself_both_wings_count() -> None:
    bow = Region.of([[0, 0], [1, 1], [1, 0], [0, 1]])
    assert bow.holds(np.array([[0.1, 0.5], [0.9, 0.5], [0.5, 0.1], [0.5, 0.9]])).tolist() == [
        True, True, False, False,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("left", "a box .* or a list of at least 3 points"),
        ([], "a box"),
        ([0.1, 0.2, 0.3], "a box"),
        ([[0, 0], [1, 1]], "at least 3 points"),
        ([[0, 0], [1, 1], [2, 0]], "0 to 1"),
        ([[0, 0], [1, 1], ["a", 0]], "at least 3 points"),
        ([[0, 0], [1, 1], 5], "a box"),
        ([0, 0, float("nan"), 1], "0 to 1"),
        ([0, 0, 640, 480], "0 to 1"),
        ([0.5, 0, 0.2, 1], "the smaller ones come first"),
        ([[0, 0.5], [0.5, 0.5], [1, 0.5]], "must have an area"),
    ],
)
def test_what_is_no_region_is_told(given: object, message: str) -> None:
    with pytest.raises(AlgorithmError, match=message):
        Region.of(given)
