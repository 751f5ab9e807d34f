"""Stamps of any quality in, stamps that a file can hold out."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from edged.capture.recording.stamping import Stamping, by_arrival

STAMP = st.one_of(st.none(), st.integers(-(10**7), 10**7))


def stamping() -> Stamping:
    return Stamping(Fraction(1, 1000), 40)


@given(st.lists(st.tuples(STAMP, STAMP, st.integers(0, 10**10)), min_size=1))
def test_within_a_file_decoding_times_rise_and_none_is_shown_before(
    packets: list[tuple[int | None, int | None, int]],
) -> None:
    made, at_ns, stamped = stamping(), 0, []
    for pts, dts, step_ns in packets:
        at_ns += step_ns
        stamped.append(made.stamp(pts, dts, at_ns))
    assert all(each.pts >= each.dts for each in stamped)
    assert all(b.is_break or b.dts > a.dts for a, b in pairwise(stamped))
    assert not stamped[0].is_break


def test_good_stamps_stay_as_they_are() -> None:
    made = stamping()
    good = [(80, 0), (240, 40), (160, 80), (120, 120), (200, 160)]
    for number, (pts, dts) in enumerate(good):
        stamped = made.stamp(pts, dts, number * 40_000_000)
        assert (stamped.pts, stamped.dts, stamped.is_break) == (pts, dts, False)


def test_missing_ones_are_made_up() -> None:
    made = stamping()
    assert [made.stamp(None, None, n * 40_000_000).dts for n in range(4)] == [0, 40, 80, 120]
    assert made.stamp(160, None, 160_000_000).dts == 160
    assert made.stamp(None, 200, 200_000_000).pts == 200


def test_a_jump_is_a_break_but_a_pause_is_none() -> None:
    made = stamping()
    made.stamp(100_000, 100_000, 0)
    assert not made.stamp(99_500, 99_500, 40_000_000).is_break, "disorder"
    assert made.stamp(1_000, 1_000, 80_000_000).is_break, "back"
    assert not made.stamp(61_000, 61_000, 60_080_000_000).is_break, "a minute later"
    assert made.stamp(161_000, 161_000, 60_120_000_000).is_break, "ahead, at once"


def test_arrival_makes_stamps() -> None:
    assert by_arrival(2_000_000_000, Fraction(1, 90_000)) == 180_000
