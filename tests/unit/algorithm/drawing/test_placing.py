from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edged.algorithm.drawing.placing import Rect, Room, around

SIDE = st.integers(1, 60)
PLACE = st.integers(-30, 130)


@given(
    plates=st.lists(st.tuples(SIDE, SIDE, PLACE, PLACE, SIDE, SIDE), max_size=40),
    avoid=st.lists(st.tuples(PLACE, PLACE, PLACE, PLACE), max_size=5),
)
def test_plates_lie_inside_and_never_over_each_other(
    plates: list[tuple[int, ...]], avoid: list[tuple[int, ...]]
) -> None:
    room = Room(100, 80)
    placed: list[Rect] = []
    shy = np.array(avoid, dtype=np.int64).reshape(-1, 4)
    for width, height, left, top, across, down in plates:
        box = (left, top, left + across, top + down)
        corner = room.find((width, height), around(box, (width, height)), shy)
        if corner is None:
            continue
        x, y = corner
        assert 0 <= x <= 100 - width
        assert 0 <= y <= 80 - height
        for other in placed:
            assert x >= other[2] or x + width <= other[0] or y >= other[3] or y + height <= other[1]
        placed.append((x, y, x + width, y + height))


def test_above_the_box_comes_first_then_below() -> None:
    room = Room(200, 200)
    box = (50, 60, 100, 150)
    assert room.find((40, 10), around(box, (40, 10))) == (50, 50)
    room.take((0, 0, 200, 60))
    assert room.find((40, 10), around(box, (40, 10))) == (50, 150)


def test_a_box_at_the_upper_edge_has_its_plate_below() -> None:
    assert Room(100, 100).find((30, 10), around((0, 0, 40, 50), (30, 10))) == (0, 50)


def test_a_box_that_fills_the_picture_has_its_plate_inside() -> None:
    assert Room(100, 100).find((30, 10), around((0, 0, 100, 100), (30, 10))) is not None


def test_what_is_to_be_avoided_is_covered_only_where_there_is_no_other_place() -> None:
    head = np.array([[40, 40, 60, 52]])
    corners = [(40, 45), (40, 80)]
    assert Room(100, 100).find((20, 10), corners, head) == (40, 80)
    assert Room(100, 100).find((20, 10), corners[:1], head) == (40, 45)


def test_a_plate_wider_than_the_picture_has_no_place() -> None:
    assert Room(100, 100).find((101, 10), [(0, 0)]) is None
