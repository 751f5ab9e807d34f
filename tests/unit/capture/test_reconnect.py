"""When a lost source is opened again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edged.capture.reconnect import MAX_S, STEADY_S, Reconnect


@given(st.lists(st.floats(0, 100), min_size=1, max_size=40), st.floats(1, 600))
def test_delays_never_loop_hot_and_stay_below_the_timeout(steady_s: list[float], timeout_s: float) -> None:
    reconnect = Reconnect()
    for steady in steady_s:
        delay_s = reconnect.delay_s(timeout_s, steady, refused=False)
        assert 0.1 <= delay_s <= min(timeout_s, MAX_S)


def test_delays_grow_and_are_short_again_after_a_steady_time() -> None:
    grown = [max(_delays(steps=8)[at] for _ in range(50)) for at in (0, 7)]
    assert grown[0] <= 0.5
    assert grown[1] > 8
    reconnect = Reconnect()
    for _ in range(10):
        reconnect.delay_s(60, 0, refused=False)
    assert reconnect.delay_s(60, STEADY_S, refused=False) <= 0.5


def test_a_refused_login_is_tried_slowly() -> None:
    reconnect = Reconnect()
    assert all(reconnect.delay_s(3, 0, refused=True) >= MAX_S for _ in range(5))


def _delays(steps: int) -> list[float]:
    reconnect = Reconnect()
    return [reconnect.delay_s(60, 0, refused=False) for _ in range(steps)]
