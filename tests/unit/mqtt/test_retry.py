from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from edged.mqtt.failure import FailureKind
from edged.mqtt.retry import RetryPolicy

kinds = st.sampled_from(list(FailureKind))


def widest(low: float, high: float) -> float:
    del low
    return high


def test_the_first_retry_is_quick_and_the_last_a_minute() -> None:
    policy = RetryPolicy(draw=widest)
    delays = [policy.delay_s(FailureKind.UNREACHABLE) for _ in range(10)]
    assert delays == [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]


def test_only_a_connection_that_lasted_forgets_the_past() -> None:
    policy = RetryPolicy(draw=widest)
    for _ in range(5):
        policy.delay_s(FailureKind.UNREACHABLE)
    policy.lived(9.9)
    assert policy.delay_s(FailureKind.LOST) == 32
    policy.lived(10.0)
    assert policy.delay_s(FailureKind.LOST) == 1


def test_two_short_lives_in_a_row_look_like_another_client_and_slow_down() -> None:
    policy = RetryPolicy(draw=lambda low, _high: low)
    policy.lived(0.1)
    assert not policy.looks_contested
    assert policy.delay_s(FailureKind.LOST) < 1
    policy.lived(0.1)
    assert policy.looks_contested
    assert policy.delay_s(FailureKind.LOST) >= 10
    policy.lived(60.0)
    assert not policy.looks_contested


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
