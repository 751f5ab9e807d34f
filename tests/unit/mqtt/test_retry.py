from __future__ import annotations

import bisect
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.mqtt.failure import FailureKind
from edged.mqtt.retry import RetryPolicy

kinds = st.sampled_from(list(FailureKind))
OVERLOADED = (FailureKind.SILENT, FailureKind.BUSY)
CONNECTING_S = 0.3
"""Look-up, TCP, TLS and CONNACK, generously."""


def widest(low: float, high: float) -> float:
    del low
    return high


def back_after_s(outage_s: float, random: Random) -> float:
    """One device in virtual time: from the broker's return to the device's."""
    policy = RetryPolicy(draw=random.uniform)
    policy.lived(3600)
    elapsed_s = policy.delay_s(FailureKind.LOST)
    while elapsed_s < outage_s:
        elapsed_s += policy.delay_s(FailureKind.UNREACHABLE)
    return elapsed_s - outage_s + CONNECTING_S


def busiest_second(moments_s: list[float]) -> int:
    return max(bisect.bisect_left(moments_s, start + 1.0) - i for i, start in enumerate(moments_s))


@pytest.mark.parametrize("outage_s", [0.0, 0.5, 2.0, 5.0, 10.0, 30.0, 300.0])
def test_a_fleet_is_back_within_5_s_and_not_within_the_same_second(outage_s: float) -> None:
    random = Random(1234)
    back_s = sorted(back_after_s(outage_s, random) for _ in range(1000))
    assert back_s[989] <= 5.0  # p99
    assert busiest_second(back_s) <= 300


def test_after_hours_a_fleet_comes_back_over_a_minute() -> None:
    random = Random(1234)
    back_s = sorted(back_after_s(3 * 3600.0, random) for _ in range(1000))
    assert back_s[-1] <= 60 + CONNECTING_S
    assert busiest_second(back_s) <= 60


@pytest.mark.parametrize("kind", OVERLOADED)
def test_a_broker_with_too_much_to_do_is_visited_more_and_more_rarely(kind: FailureKind) -> None:
    policy = RetryPolicy(draw=widest)
    assert [policy.delay_s(kind) for _ in range(6)] == [5, 10, 20, 40, 60, 60]


def test_only_a_connection_that_lasted_forgets_the_past() -> None:
    policy = RetryPolicy(draw=lambda low, _high: low)
    assert policy.delay_s(FailureKind.UNREACHABLE) < 1
    policy.lived(9.9)
    assert policy.delay_s(FailureKind.LOST) > 4
    policy.lived(10.0)
    assert policy.delay_s(FailureKind.LOST) < 1


def test_two_short_lives_in_a_row_look_like_another_client_and_slow_down() -> None:
    policy = RetryPolicy(draw=lambda low, _high: low)
    policy.lived(0.1)
    assert not policy.looks_contested
    assert policy.delay_s(FailureKind.LOST) < 5
    policy.lived(0.1)
    assert policy.looks_contested
    assert policy.delay_s(FailureKind.LOST) >= 10
    policy.lived(60.0)
    assert not policy.looks_contested


def test_a_broker_that_was_away_is_no_other_client() -> None:
    policy = RetryPolicy(draw=lambda low, _high: low)
    for _ in range(10):
        policy.lived(0.1)
        assert policy.delay_s(FailureKind.LOST) < 5
        assert policy.delay_s(FailureKind.UNREACHABLE) < 5


@given(st.lists(st.tuples(kinds, st.none() | st.floats(0, 100)), max_size=50), st.randoms())
def test_it_never_loops_hot_and_never_sleeps_for_ever(
    happenings: list[tuple[FailureKind, float | None]], random: Random
) -> None:
    policy = RetryPolicy(draw=random.uniform)
    for kind, connected_s in happenings:
        if connected_s is not None:
            policy.lived(connected_s)
        delay_s = policy.delay_s(kind)
        slow = kind in (FailureKind.REFUSED, FailureKind.TAKEN_OVER)
        assert (10 if slow else 0.1) <= delay_s <= 120
