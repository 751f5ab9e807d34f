"""Delays grow, stay within their bounds, and start over after a reset."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edged.supervise.backoff import Backoff


@given(st.floats(0.01, 10), st.floats(10, 1000), st.integers(1, 200))
def test_delays_stay_between_floor_and_cap(initial_s: float, max_s: float, attempts: int) -> None:
    backoff = Backoff(initial_s, max_s, floor_s=0.01)
    delays = [backoff.next_delay_s() for _ in range(attempts)]
    assert all(0.01 <= delay <= max_s for delay in delays)


def test_the_range_doubles_up_to_the_cap_and_a_reset_starts_over() -> None:
    backoff = Backoff(1.0, 8.0, draw=lambda low, high: high)
    assert [backoff.next_delay_s() for _ in range(5)] == [1, 2, 4, 8, 8]
    backoff.reset()
    assert backoff.next_delay_s() == 1
