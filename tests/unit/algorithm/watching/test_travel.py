from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.algorithm.watching.travel import Travel


@given(st.floats(0, 10), st.floats(0, 2 * math.pi), st.lists(st.floats(0.02, 1.5), min_size=30, max_size=60))
def test_a_steady_walk_has_its_speed_at_any_sampling(speed: float, turn: float, pauses: list[float]) -> None:
    travel, now = Travel(), 0.0
    for pause in pauses:
        travel.observe(round(now * 1e6), 3 + speed * now * math.cos(turn), speed * now * math.sin(turn))
        now += pause
    found = travel.velocity
    assert found is None or found.speed == pytest.approx(speed, abs=1e-3)
    assert found is not None or now - pauses[-1] < 0.51
    if found is not None and speed > 0.1:
        assert math.cos(math.radians(found.heading) - turn) == pytest.approx(1, abs=1e-4)


def test_jitter_is_no_speed() -> None:
    travel, random = Travel(), np.random.default_rng(1)
    for frame in range(300):
        travel.observe(frame * 33_333, *random.normal(0, 0.05, 2).tolist())
    assert travel.velocity is not None
    assert travel.velocity.speed < 0.25


def test_there_is_no_speed_before_half_a_second() -> None:
    travel = Travel()
    for now in (0.0, 0.2, 0.4):
        travel.observe(round(now * 1e6), now, 0)
    assert travel.velocity is None
    travel.observe(500_000, 0.5, 0)
    assert travel.velocity is not None
