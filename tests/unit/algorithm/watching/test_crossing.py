from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from edged.algorithm.watching.crossing import MOST_LABELS, Crossings, Direction, Tally

MARGIN = 0.02
Place = tuple[float, float]

coordinates = st.floats(0, 1)
points = st.tuples(coordinates, coordinates)


def crossed(line: tuple[Place, Place], way: Iterable[Place], margin: float = MARGIN) -> list[Direction]:
    crossings = Crossings(*line)
    found = (crossings.observe(1, x, y, margin) for x, y in way)
    return [direction for direction in found if direction is not None]


def swapped(directions: list[Direction]) -> list[Direction]:
    return [Direction.OUT if direction == Direction.IN else Direction.IN for direction in directions]


def walk(begin: Place, end: Place, steps: int) -> list[Place]:
    return [
        (begin[0] + (end[0] - begin[0]) * step / steps, begin[1] + (end[1] - begin[1]) * step / steps)
        for step in range(steps + 1)
    ]


@pytest.mark.parametrize(
    ("line", "begin", "end", "direction"),
    [
        # drawn from the bottom to the top: left of it is the picture's left
        (((0.5, 1.0), (0.5, 0.0)), (0.2, 0.5), (0.8, 0.5), Direction.IN),
        (((0.5, 1.0), (0.5, 0.0)), (0.8, 0.5), (0.2, 0.5), Direction.OUT),
        # drawn from the top to the bottom: whoever looks down has the picture's right on the left hand
        (((0.5, 0.0), (0.5, 1.0)), (0.8, 0.5), (0.2, 0.5), Direction.IN),
        (((0.5, 0.0), (0.5, 1.0)), (0.2, 0.5), (0.8, 0.5), Direction.OUT),
        # drawn from left to right: left of it is the picture's top
        (((0.0, 0.5), (1.0, 0.5)), (0.5, 0.2), (0.5, 0.8), Direction.IN),
        (((0.0, 0.5), (1.0, 0.5)), (0.5, 0.8), (0.5, 0.2), Direction.OUT),
    ],
)
def test_in_is_from_left_to_right_looking_along(
    line: tuple[Place, Place], begin: Place, end: Place, direction: Direction
) -> None:
    assert crossed(line, [begin, end]) == [direction]


@given(
    st.tuples(points, points),
    st.floats(0.2, 0.8),
    st.floats(0.2, math.pi - 0.2),
    st.lists(st.integers(1, 40), min_size=1, max_size=3),
)
def test_a_straight_walk_counts_once_however_often_one_looks(
    line: tuple[Place, Place], share: float, angle: float, rates: list[int]
) -> None:
    across, down = line[1][0] - line[0][0], line[1][1] - line[0][1]
    length = math.hypot(across, down)
    assume(length > 0.01)
    met = (line[0][0] + share * across, line[0][1] + share * down)
    turn = math.atan2(down, across) + angle
    way = (math.cos(turn), math.sin(turn))
    begin, end = (met[0] - way[0], met[1] - way[1]), (met[0] + way[0], met[1] + way[1])
    for steps in rates:
        assert crossed(line, walk(begin, end, steps)) == [Direction.IN]
        assert crossed(line, walk(end, begin, steps)) == [Direction.OUT]


@given(st.tuples(points, points), st.lists(points, max_size=30))
def test_a_line_drawn_the_other_way_swaps_in_and_out(line: tuple[Place, Place], way: list[Place]) -> None:
    assume(math.dist(*line) > 0.01)
    assume(all(abs(Crossings(*line).offset(x, y)) > 1e-6 for x, y in way))
    assert crossed((line[1], line[0]), way) == swapped(crossed(line, way))


@given(st.lists(st.tuples(st.floats(-0.99, 0.99), coordinates), max_size=60), st.booleans())
def test_jitter_around_the_line_never_counts_more_than_once(jitter: list[Place], goes_on: bool) -> None:
    line = ((0.5, 0.0), (0.5, 1.0))
    around = [(0.5 + x * MARGIN, y) for x, y in jitter]
    way = [(0.8, 0.5), *around, (0.2 if goes_on else 0.8, 0.5)]
    assert crossed(line, way) == ([Direction.IN] if goes_on else [])


@given(st.lists(points, max_size=60))
def test_in_and_out_take_turns_on_a_line_across_the_frame(way: list[Place]) -> None:
    found = crossed(((0.5, 0.0), (0.5, 1.0)), way)
    assert all(one != other for one, other in pairwise(found))


def test_a_way_around_the_end_is_no_crossing() -> None:
    line = ((0.5, 0.3), (0.5, 0.7))
    around = [(0.3, 0.5), (0.3, 0.1), (0.7, 0.1), (0.7, 0.5)]
    assert crossed(line, around) == []
    assert crossed(line, [*around, (0.3, 0.5)]) == [Direction.IN]


def test_out_through_and_back_around_the_end_is_no_crossing() -> None:
    line = ((0.5, 0.3), (0.5, 0.7))
    assert crossed(line, [(0.4, 0.5), (0.51, 0.5), (0.51, 0.1), (0.4, 0.1)]) == []


def test_a_walk_along_the_line_counts_nothing() -> None:
    assert crossed(((0.5, 0.0), (0.5, 1.0)), [(0.51 - 0.02 * (k % 2), k / 50) for k in range(50)]) == []


def test_a_place_on_the_frames_edge_is_between_the_ends() -> None:
    assert crossed(((0.7, 0.0), (0.7, 1.0)), [(0.9, 1.0), (0.5, 1.0)]) == [Direction.IN]


def test_objects_are_told_apart_and_forgotten() -> None:
    crossings = Crossings((0.5, 0.0), (0.5, 1.0))
    for track_id, x in ((1, 0.2), (2, 0.8), (3, 0.2)):
        assert crossings.observe(track_id, x, 0.5, MARGIN) is None
    crossings.forget(3)
    crossings.forget(3)
    assert len(crossings) == 2
    assert crossings.observe(1, 0.8, 0.5, MARGIN) == Direction.OUT
    assert crossings.observe(2, 0.2, 0.5, MARGIN) == Direction.IN
    assert crossings.observe(3, 0.8, 0.5, MARGIN) is None


def test_a_tally_counts_each_label_each_way() -> None:
    tally = Tally()
    for direction, label in ((Direction.IN, "person"), (Direction.IN, "car"), (Direction.OUT, "person")):
        tally.add(direction, label)
    assert tally.counts() == {
        "in": 2,
        "out": 1,
        "labels": {"car": {"in": 1, "out": 0}, "person": {"in": 1, "out": 1}},
    }


def test_a_tally_stays_small_when_labels_are_free_text() -> None:
    tally = Tally()
    for number in range(3 * MOST_LABELS):
        tally.add(Direction.IN, f"plate {number}")
    tally.add(Direction.OUT, "plate 1")
    counts = tally.counts()
    assert counts["in"] == 3 * MOST_LABELS
    assert len(counts["labels"]) == MOST_LABELS
    assert counts["labels"]["plate 1"] == {"in": 1, "out": 1}
