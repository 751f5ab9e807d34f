"""When frames of a file are due."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edged.capture.pacing import LATE_NS, Pacer

S = 1_000_000_000


@given(st.integers(0, 10**15), st.lists(st.integers(1, 5_000_000), min_size=1, max_size=50))
def test_frames_are_due_at_the_start_plus_their_pts(start_ns: int, steps_us: list[int]) -> None:
    pacer = Pacer()
    pts_us = 123
    assert pacer.due_ns(pts_us, start_ns) == start_ns
    due_ns = start_ns
    for step_us in steps_us:
        pts_us += step_us
        now_ns, due_ns = due_ns, pacer.due_ns(pts_us, due_ns)
        assert due_ns == now_ns + step_us * 1000


def test_a_little_late_is_caught_up_with() -> None:
    pacer = Pacer()
    pacer.due_ns(0, 0)
    assert pacer.due_ns(1_000_000, S + LATE_NS) == S
    assert pacer.due_ns(3_000_000, S + LATE_NS) == 3 * S


def test_much_too_late_shifts_all_that_follows() -> None:
    pacer = Pacer()
    pacer.due_ns(0, 0)
    assert pacer.due_ns(1_000_000, 10 * S) == 10 * S
    assert pacer.due_ns(2_000_000, 10 * S) == 11 * S
