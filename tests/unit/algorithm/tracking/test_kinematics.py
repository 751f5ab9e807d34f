"""The motion filter: real time in, whatever the number of looks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edged.algorithm.tracking import kinematics as k

ASPECT = 16 / 9
SURE = k.jitter_of(np.array([0.9]))
SHARES = st.floats(0.01, 0.99)


def box_at(x: float, y: float = 0.5, height: float = 0.2) -> NDArray[np.float64]:
    """A person; x in heights of the frame."""
    half = 0.2 * height
    return np.array([[(x - half) / ASPECT, y - height / 2, (x + half) / ASPECT, y + height / 2]])


def walked(pace: float, looks: int, interval_s: float) -> k.States:
    """Someone seen ``looks`` times who goes right at ``pace`` heights of the frame a second."""
    states = k.begin(k.sightings_of(box_at(0.2), ASPECT), SURE, 1.0)
    for look in range(1, looks):
        k.predict(states, interval_s, 1.0)
        states = k.update(states, k.sightings_of(box_at(0.2 + pace * look * interval_s), ASPECT), SURE)
    return states


@given(st.tuples(SHARES, SHARES, SHARES, SHARES), st.floats(0.5, 3))
def test_a_box_comes_back_as_it_was(edges: tuple[float, ...], aspect: float) -> None:
    x, y = sorted((edges[0], edges[1] + 1)), sorted((edges[2], edges[3] + 1))
    box = np.array([[x[0] / 2, y[0] / 2, x[1] / 2, y[1] / 2]])
    states = k.begin(k.sightings_of(box, aspect), SURE, 1.0)
    assert np.allclose(k.boxes_of(states, aspect), box)


@given(st.lists(st.floats(0.001, 2), min_size=1, max_size=8))
def test_many_short_steps_are_one_long_one(steps: list[float]) -> None:
    often = walked(0.1, 5, 0.2)
    once = often.copy()
    for passed_s in steps:
        k.predict(often, passed_s, 1.0)
    k.predict(once, sum(steps), 1.0)
    assert np.allclose(often, once)


@pytest.mark.parametrize("interval_s", [1 / 30, 0.1, 0.33, 1.0])
def test_the_speed_of_a_walker_is_known_after_three_seconds_at_any_rate(interval_s: float) -> None:
    states = walked(0.15, round(3 / interval_s) + 1, interval_s)
    assert states[k.VX, 0] == pytest.approx(0.15, rel=0.15)
    assert abs(states[k.VY, 0]) < 0.005


@given(st.lists(st.tuples(st.floats(0, 5), SHARES, SHARES, st.floats(0.02, 0.9)), max_size=20))
def test_nothing_it_is_told_upsets_it(looks: list[tuple[float, float, float, float]]) -> None:
    states = k.begin(k.sightings_of(box_at(0.5), ASPECT), SURE, 1.0)
    for passed_s, x, y, height in looks:
        k.predict(states, passed_s, 1.0)
        states = k.update(states, k.sightings_of(box_at(x, y, height), ASPECT), SURE)
    assert np.isfinite(states).all()
    position, covariance, velocity = states[[k.POS, k.COV, k.VEL], 0]
    assert position > 0
    assert position * velocity >= covariance**2 * (1 - 1e-9)


def test_a_box_that_jumps_moves_the_filter_less_than_its_share() -> None:
    """Half a person behind a table is no leap."""
    near, far = walked(0.0, 10, 0.1), walked(0.0, 10, 0.1)
    for states in (near, far):
        k.predict(states, 0.1, 1.0)
    small = k.update(near, k.sightings_of(box_at(0.2, 0.51), ASPECT), SURE)[k.Y, 0] - 0.5
    large = k.update(far, k.sightings_of(box_at(0.2, 0.7), ASPECT), SURE)[k.Y, 0] - 0.5
    assert 0 < large < 10 * small


def test_who_is_lost_is_not_sent_a_street_further() -> None:
    states = walked(0.2, 20, 0.1)
    start = states[k.X, 0]
    k.predict(states, 60.0, 1.0)
    assert 0.2 < states[k.X, 0] - start < 0.5
    assert states[k.POS, 0] > 0.1
