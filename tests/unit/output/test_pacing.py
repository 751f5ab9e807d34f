"""Which frames become pictures, and when they are shown."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.output.pacing import Pace, Timeline


@pytest.mark.parametrize(
    ("source", "cap", "expected"), [(15, 15, 15), (30, 15, 15), (25, 15, 15), (10, 15, 10)]
)
def test_the_cap_is_kept_and_reached_by_a_camera_that_is_not_punctual(
    source: int, cap: int, expected: int
) -> None:
    chance, pace, seconds = random.Random(7), Pace(cap), 60
    frames = [int(1e6 * n / source + chance.uniform(-4000, 4000)) for n in range(source * seconds)]
    taken = sum(map(pace.takes, frames))
    assert expected * seconds * 0.93 <= taken <= cap * seconds * 1.02


@given(st.lists(st.integers(0, 10**9), max_size=200), st.floats(0.1, 120))
def test_no_more_than_the_cap_while_time_goes_on(steps: list[int], fps: float) -> None:
    pace, pts, taken = Pace(fps), 0, []
    for step in steps:
        pts += step % 300_000
        if pace.takes(pts):
            taken.append(pts)
    for one, other in itertools.pairwise(taken):
        assert other - one >= 0.49 * 1e6 / fps - 1


def test_a_clock_that_goes_back_or_leaps_does_not_stop_the_picture() -> None:
    pace = Pace(10)
    assert pace.takes(50_000_000)
    assert pace.takes(1_000_000)
    assert pace.takes(90_000_000)
    assert not pace.takes(90_010_000)


@given(st.lists(st.integers(-(10**12), 10**12), min_size=1, max_size=100))
def test_what_is_encoded_always_comes_later(pts: list[int]) -> None:
    timeline = Timeline(15)
    made = [timeline.at(one) for one in pts]
    assert all(other > one for one, other in itertools.pairwise(made))
