"""A source that is decoded too slowly is skipped through to where it is now."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.capture.lag import LagGuard

MS = 1_000_000
FRAME_US = 40_000
GOP = 25


@dataclass
class Run:
    shown: list[int]
    skipped: list[int]
    lag_ms: list[float]


def simulate(decode_ms: list[float], *, stamped: bool = True) -> Run:
    """A camera of 25/s whose packets wait unread in a socket while one is decoded."""
    guard = LagGuard()
    now_ns = 0
    run = Run([], [], [])
    for number, cost_ms in enumerate(decode_ms):
        sent_ns = number * FRAME_US * 1000
        waited_ns = max(sent_ns - now_ns, 0)
        now_ns = max(now_ns, sent_ns)
        keyframe = number % GOP == 0
        run.lag_ms.append((now_ns - sent_ns) / MS)
        if guard.look(number * FRAME_US if stamped else None, now_ns, waited_ns, keyframe=keyframe):
            run.skipped.append(number)
            now_ns += MS // 20
        else:
            run.shown.append(number)
            now_ns += int(cost_ms * MS)
    return run


@given(st.lists(st.floats(1, 39), min_size=1, max_size=500))
def test_a_device_that_keeps_up_skips_nothing(decode_ms: list[float]) -> None:
    assert not simulate(decode_ms).skipped


def test_a_hiccup_is_caught_up_with_and_skips_nothing() -> None:
    assert not simulate([5.0] * 50 + [1500.0] + [5.0] * 500).skipped


@pytest.mark.parametrize("stamped", [True, False])
def test_a_device_that_is_too_slow_stays_near_the_present(stamped: bool) -> None:
    run = simulate([80.0] * 3000, stamped=stamped)
    assert run.skipped
    assert max(run.lag_ms) < 2_500
    assert len(run.shown) > 1_000, "it shows what it can"
    skipped = set(run.skipped)
    resumed = [number for number in run.shown if number - 1 in skipped]
    assert all(number % GOP == 0 for number in resumed), "only a keyframe can follow what was skipped"


def test_a_stream_that_delivers_in_bursts_is_not_late() -> None:
    guard = LagGuard()
    for segment in range(20):
        arrived_ns = (segment + 1) * 4000 * MS
        for number in range(100):
            waited_ns = 3_000 * MS if number == 0 else 1000
            raw_us = (segment * 100 + number) * FRAME_US
            assert not guard.look(raw_us, arrived_ns + number * MS, waited_ns, keyframe=number % GOP == 0)


def test_stamps_that_start_again_are_no_lag() -> None:
    guard = LagGuard()
    for number in range(100):
        assert not guard.look(10**9 + number * FRAME_US, number * 40 * MS, 0, keyframe=False)
    for number in range(100):
        assert not guard.look(number * FRAME_US, (100 + number) * 40 * MS, 0, keyframe=False)


def test_a_source_that_never_pauses_is_not_skipped_for_ever() -> None:
    guard = LagGuard()
    skipped = [guard.look(None, number * 20 * MS, 0, keyframe=True) for number in range(1000)]
    assert 300 < skipped.count(True) < 700
