from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.algorithm.watching.occupancy import Crowding, Occupancy, Patience

S = 1_000_000


def seen(occupancy: Occupancy, now_s: float, where: str) -> list[tuple[str, float]]:
    """``where``: in, near (outside, within the margin) or out."""
    changes = occupancy.observe(1, round(now_s * S), inside=where == "in", near=where == "near")
    return [(change.name.lower(), seconds) for change, seconds in changes]


def told(patience: Patience, *story: tuple[float, str]) -> list[tuple[float, str, float]]:
    occupancy = Occupancy(patience)
    return [(now, *change) for now, where in story for change in seen(occupancy, now, where)]


def test_an_object_comes_and_goes() -> None:
    story = ((0, "out"), (1, "in"), (2, "in"), (4, "out"), (5, "out"))
    assert told(Patience(), *story) == [(1, "enter", 0), (4, "exit", 3)]


def test_the_margin_keeps_an_object_inside_and_none_comes_by_it() -> None:
    story = ((0, "near"), (1, "in"), (2, "near"), (3, "in"), (4, "near"), (5, "out"))
    assert told(Patience(), *story) == [(1, "enter", 0), (5, "exit", 4)]


def test_coming_takes_patience() -> None:
    story = ((0, "in"), (0.5, "out"), (1, "in"), (1.5, "near"), (2, "in"), (3, "out"))
    assert told(Patience(enter_us=S), *story) == [(2, "enter", 1), (3, "exit", 2)]


def test_going_takes_patience_and_the_stay_ends_where_it_left() -> None:
    story = ((0, "in"), (0.5, "out"), (1, "in"), (1.5, "out"), (1.9, "out"), (2, "out"), (3, "in"))
    assert told(Patience(leave_us=S), *story) == [(0, "enter", 0), (2, "exit", 1.5), (3, "enter", 0)]


def test_whoever_looks_seldom_need_not_look_twice() -> None:
    assert told(Patience(leave_us=S), (0, "in"), (2, "out")) == [(0, "enter", 0), (2, "exit", 2)]


def test_each_stay_dwells_once() -> None:
    story = ((0, "in"), (9, "in"), (11, "in"), (30, "in"), (31, "out"), (32, "in"), (50, "in"))
    assert told(Patience(dwell_us=10 * S), *story) == [
        (0, "enter", 0),
        (11, "dwell", 11),
        (31, "exit", 31),
        (32, "enter", 0),
        (50, "dwell", 18),
    ]


def test_an_object_outside_does_not_dwell() -> None:
    story = ((0, "in"), (8, "in"), (9, "out"), (11, "out"), (12, "in"))
    assert told(Patience(leave_us=5 * S, dwell_us=10 * S), *story) == [(0, "enter", 0), (12, "dwell", 12)]


def test_a_lost_object_leaves_with_the_time_it_was_seen_inside() -> None:
    occupancy = Occupancy(Patience(enter_us=S, leave_us=9 * S))
    for now in (0, 2):
        seen(occupancy, now, "in")
    assert occupancy.lose(1, 5 * S) == 5
    assert occupancy.lose(1, 5 * S) is None
    for now, where in ((6, "in"), (8, "in"), (9, "out")):
        seen(occupancy, now, where)
    assert occupancy.lose(1, 10 * S) == 3


def test_a_lost_object_that_had_not_come_was_never_there() -> None:
    occupancy = Occupancy(Patience(enter_us=S))
    seen(occupancy, 0, "in")
    assert occupancy.track_ids == (1,)
    assert len(occupancy) == 0
    assert occupancy.lose(1, 0) is None
    assert occupancy.track_ids == ()


@given(
    st.lists(st.tuples(st.floats(0.01, 5), st.sampled_from(["in", "near", "out"])), max_size=60),
    st.sampled_from([0, S // 2, 3 * S]),
    st.sampled_from([0, S // 2, 3 * S]),
)
def test_coming_and_going_take_turns_and_the_number_agrees(
    steps: list[tuple[float, str]], enter_us: int, leave_us: int
) -> None:
    occupancy, now, last = Occupancy(Patience(enter_us, leave_us, 4 * S)), 0.0, "exit"
    for passed, where in steps:
        now += passed
        for kind, seconds in seen(occupancy, now, where):
            assert seconds >= 0
            assert (kind == "enter") == (last == "exit")
            assert kind != "dwell" or last == "enter"
            last = kind
        assert occupancy.holds(1) == (last != "exit") == bool(len(occupancy))
        if where == "in" and enter_us == 0:
            assert occupancy.holds(1)


@pytest.mark.parametrize("after_s", [0, 2])
def test_too_many_is_told_once_and_again_only_after_it_went_back(after_s: int) -> None:
    crowding = Crowding(2, after_s * S)
    counts = [3] * 5 + [2] + [3] * 5 + [2] * 5 + [4] * 5
    told = [now for now, count in enumerate(counts) if crowding.observe(count, now * S)]
    assert told == ([0, 6, 16] if after_s == 0 else [2, 18])


def test_a_number_that_jitters_is_never_too_many() -> None:
    crowding = Crowding(2, 2 * S)
    assert not any(crowding.observe(3 - now % 2, now * S) for now in range(20))


def test_time_that_begins_anew_is_no_time_that_passed() -> None:
    crowding = Crowding(0, 2 * S)
    assert not crowding.observe(1, 100 * S)
    crowding.forget_time()
    assert [crowding.observe(1, now * S) for now in range(4)] == [False, False, True, False]
