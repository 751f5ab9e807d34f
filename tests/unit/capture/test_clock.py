"""The clock of a source keeps what `FrameHeader` promises, whatever stamps come in."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.capture.clock import Gap, SourceClock
from edged.model.capturing import ResumePoint
from edged.model.frame import FrameFormat, FrameHeader
from edged.model.sampling import Sampling, is_due, turn
from edged.types import MonotonicNs, WallNs

FORMAT = FrameFormat(64, 48)
MS = 1_000_000


def header(clock: SourceClock) -> FrameHeader:
    return clock.header(FORMAT, MonotonicNs(0), WallNs(0))


def opened(*, live: bool, frame_us: int = 40_000, cap: float | None = None) -> SourceClock:
    clock = SourceClock()
    clock.open(live=live, frame_us=frame_us)
    clock.set_cap(cap)
    return clock


def play(
    clock: SourceClock, stamps_us: list[int | None], *, every_ns: int = 40 * MS, start_ns: int = 0
) -> list[FrameHeader]:
    """Tick through stamps that arrive at an even pace; the headers of those that count."""
    headers = []
    for number, stamp in enumerate(stamps_us):
        if clock.tick(stamp, start_ns + number * every_ns, keyframe=number % 5 == 0):
            headers.append(header(clock))
    return headers


steps = st.lists(
    st.tuples(
        st.one_of(st.none(), st.integers(-20_000_000, 20_000_000)),
        st.integers(0, 15_000 * MS),
        st.booleans(),
        st.sampled_from([None, None, None, Gap.ELAPSED, Gap.NONE]),
    ),
    max_size=60,
)


@given(steps, st.booleans(), st.sampled_from([None, 1.0, 12.5, 29.97]))
def test_numbers_rise_whatever_comes(
    moves: list[tuple[int | None, int, bool, Gap | None]], live: bool, cap: float | None
) -> None:
    clock = opened(live=live, cap=cap)
    now_ns, raw_us = 10**12, 0
    headers: list[FrameHeader] = []
    for step_us, passed_ns, keyframe, gap in moves:
        now_ns += passed_ns
        raw_us += step_us or 0
        if gap is not None:
            clock.begin_epoch(gap)
        if clock.tick(None if step_us is None else raw_us, now_ns, keyframe=keyframe):
            headers.append(header(clock))
    assert [frame.index for frame in headers] == list(range(len(headers)))
    keyframes = [frame for frame in headers if frame.keyframe]
    assert [frame.key_index for frame in keyframes] == list(range(len(keyframes)))
    for before, after in pairwise(headers):
        assert after.pts_us > before.pts_us
        if after.epoch == before.epoch:
            assert after.previous_us == before.pts_us
            assert (after.t0_us, after.first_index) == (before.t0_us, before.first_index)
        else:
            assert after.epoch == before.epoch + 1
            assert after.t0_us == after.pts_us
            assert after.first_index == after.index
            assert after.previous_us is None
            assert after.previous_key_us is None
            assert not after.keyframe or after.first_key_index == after.key_index


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 120))
def test_the_cap_is_the_grid_of_the_schedule(rate: int, cap: int, count: int) -> None:
    stamps: list[int | None] = [number * 1_000_000 // rate for number in range(count)]
    kept = [frame.pts_us for frame in play(opened(live=False, cap=float(cap)), stamps)]
    seconds = count / rate
    assert len(kept) <= seconds * cap + 1
    if 1_000_000 % cap == 0:
        interval_us = 1_000_000 // cap
        due = [
            now
            for before, now in zip([None, *stamps], stamps, strict=False)
            if now is not None
            and (before is None or turn(now, 0, interval_us) > turn(before, 0, interval_us))
        ]
        assert kept == due


@pytest.mark.parametrize(
    ("among_keyframes", "keyframes"), [(False, [0, 1_000_000]), (True, [0, 400_000, 800_000, 1_000_000])]
)
def test_the_cap_among_keyframes_takes_those_that_are_not_first_in_its_grid(
    among_keyframes: bool, keyframes: list[int]
) -> None:
    """A keyframe every 0.2 s, and cells of 1/3 s that other frames open."""
    clock = opened(live=False)
    clock.set_cap(3.0, among_keyframes=among_keyframes)
    frames = play(clock, [number * 40_000 for number in range(30)])
    assert [frame.pts_us for frame in frames if frame.keyframe] == keyframes


def test_a_cap_above_the_rate_leaves_nothing_out() -> None:
    stamps: list[int | None] = [number * 1_000_000 // 30 for number in range(90)]
    assert len(play(opened(live=False, cap=30.0), stamps)) == 90
    assert len(play(opened(live=False, cap=1000.0), stamps)) == 90


def test_a_stream_that_starts_anywhere_starts_at_zero() -> None:
    frames = play(opened(live=True), [7_000_000_000, 7_000_040_000])
    assert [frame.pts_us for frame in frames] == [0, 40_000]
    assert {frame.epoch for frame in frames} == {1}


def test_the_grid_is_the_same_wherever_a_stream_starts() -> None:
    sampling = Sampling(interval_us=100_000)
    due = []
    for start in (0, 123_457, 10**9 + 1):
        frames = play(opened(live=False), [start + i * 1_000_000 // 30 for i in range(60)])
        due.append([frame.index for frame in frames if is_due(sampling, frame)])
    assert due[0] == list(range(0, 60, 3))
    assert due[0] == due[1] == due[2]


@pytest.mark.parametrize(("live", "continues_us"), [(False, 80_000), (True, 40_000 + 40_000)])
def test_time_going_backwards_begins_an_epoch(live: bool, continues_us: int) -> None:
    frames = play(opened(live=live), [5_000_000, 5_040_000, 0, 40_000])
    assert [frame.epoch for frame in frames] == [1, 1, 2, 2]
    assert frames[2].pts_us == continues_us


def test_stamps_a_little_out_of_order_stay_in_the_epoch() -> None:
    frames = play(opened(live=True), [0, 80_000, 40_000, 120_000])
    assert {frame.epoch for frame in frames} == {1}
    assert [frame.pts_us for frame in frames] == [0, 80_000, 80_001, 120_000]


def test_a_jump_ahead_of_time_begins_an_epoch_and_a_silence_does_not() -> None:
    jumped = play(opened(live=True), [0, 40_000, 60_000_000])
    assert [frame.epoch for frame in jumped] == [1, 1, 2]
    assert jumped[2].pts_us == 80_000, "the time that really went by"
    silent = play(opened(live=True), [0, 15_000_000, 30_000_000], every_ns=15_000 * MS)
    assert {frame.epoch for frame in silent} == {1}, "a camera that sends a frame every 15 s"


def test_a_file_with_a_gap_goes_on_without_it_but_a_slow_file_keeps_its_time() -> None:
    gap = play(opened(live=False), [0, 40_000, 3_600_000_000])
    assert [frame.epoch for frame in gap] == [1, 1, 2]
    assert gap[2].pts_us == 80_000
    slow = play(opened(live=False, frame_us=15_000_000), [0, 15_000_000, 30_000_000])
    assert {frame.epoch for frame in slow} == {1}


def test_a_reconnect_goes_on_by_the_time_that_went_by() -> None:
    clock = opened(live=True)
    play(clock, [100, 40_100])
    clock.begin_epoch(Gap.ELAPSED)
    clock.begin_epoch(Gap.NONE)
    clock.open(live=True, frame_us=40_000)
    frames = play(clock, [0, 40_000], start_ns=2_540 * MS)
    assert [frame.pts_us for frame in frames] == [2_540_000, 2_580_000]
    assert [frame.index for frame in frames] == [2, 3]
    assert {frame.epoch for frame in frames} == {2}


def test_missing_stamps_are_arrivals_when_live_and_the_rate_when_not() -> None:
    live = play(opened(live=True), [None, None, None], every_ns=100 * MS, start_ns=5 * 10**9)
    assert [frame.pts_us for frame in live] == [0, 100_000, 200_000]
    file = play(opened(live=False, frame_us=20_000), [0, None, None])
    assert [frame.pts_us for frame in file] == [0, 20_000, 40_000]


@pytest.mark.parametrize("live", [False, True])
def test_stamps_that_begin_after_the_first_frame_are_no_break(live: bool) -> None:
    frames = play(opened(live=live), [None, 7_000_000, 7_040_000], start_ns=5 * 10**9)
    assert {frame.epoch for frame in frames} == {1}
    assert [frame.pts_us for frame in frames] == [0, 40_000, 80_000]


def test_one_missing_stamp_among_others_is_no_break() -> None:
    frames = play(opened(live=True), [9_000_000, None, 9_080_000])
    assert {frame.epoch for frame in frames} == {1}
    assert [frame.pts_us for frame in frames] == [0, 40_000, 80_000]


@given(st.integers(0, 10**9), st.integers(-(10**9), 10**10), st.integers(0, 10**6), st.booleans())
def test_a_resumed_clock_goes_on_rising(pts_us: int, passed_ns: int, index: int, live: bool) -> None:
    clock = SourceClock()
    clock.resume(ResumePoint(3, index, 5, pts_us, captured_ns=10**12))
    clock.open(live=live, frame_us=40_000)
    assert clock.tick(77, 10**12 + passed_ns, keyframe=True)
    frame = header(clock)
    assert (frame.epoch, frame.index, frame.key_index) == (4, index + 1, 6)
    assert frame.pts_us == pts_us + max(passed_ns // 1000, 40_000)


def test_the_cap_can_change_at_any_time() -> None:
    clock = opened(live=False)
    stamps = [number * 40_000 for number in range(100)]
    first = play(clock, list(stamps[:50]))
    clock.set_cap(5.0)
    second = play(clock, list(stamps[50:]))
    assert (len(first), len(second)) == (50, 10)
    assert second[0].previous_us == first[-1].pts_us
