"""The schedule against a naive reading of the contract's sentences."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor

from hypothesis import given
from hypothesis import strategies as st

from edged.model.frame import FrameFormat, FrameHeader
from edged.model.sampling import SampleOn, Sampling, window_indexes
from edged.model.schedule import Schedule, Verdict
from edged.types import MonotonicNs, PtsUs, WallNs

FORMAT = FrameFormat(64, 48)


@dataclass
class Source:
    """Makes headers as a capture does."""

    epoch: int = 0
    index: int = -1
    key_index: int = -1

    def play(self, steps_us: list[int], keys: list[bool], start_us: int) -> list[FrameHeader]:
        """One epoch: its first frame at ``start_us``, each next one a step later."""
        self.epoch += 1
        first, first_key = self.index + 1, self.key_index + 1
        pts, previous, previous_key = start_us, None, None
        headers = []
        for number, step in enumerate([0, *steps_us]):
            pts += step
            self.index += 1
            self.key_index += keys[number]
            headers.append(
                FrameHeader(
                    epoch=self.epoch,
                    index=self.index,
                    key_index=self.key_index,
                    pts_us=PtsUs(pts),
                    t0_us=PtsUs(start_us),
                    first_index=first,
                    first_key_index=first_key,
                    previous_us=previous,
                    previous_key_us=previous_key,
                    keyframe=keys[number],
                    captured_ns=MonotonicNs(pts * 1000),
                    captured_wall_ns=WallNs(pts * 1000),
                    format=FORMAT,
                )
            )
            previous = PtsUs(pts)
            previous_key = PtsUs(pts) if keys[number] else previous_key
        return headers


@st.composite
def footage(draw: st.DrawFn) -> list[FrameHeader]:
    source, headers, now = Source(), [], draw(st.integers(0, 10**9))
    for _ in range(draw(st.integers(1, 3))):
        steps = draw(st.lists(st.integers(0, 400_000), max_size=40))
        keys = draw(st.lists(st.booleans(), min_size=len(steps) + 1, max_size=len(steps) + 1))
        headers += source.play(steps, keys, now)
        now = headers[-1].pts_us + draw(st.integers(1, 10**7))
    return headers


samplings = st.builds(
    Sampling,
    interval_us=st.sampled_from([0, 1, 33_333, 100_000, 1_000_000]),
    count=st.integers(1, 4),
    step=st.integers(0, 3),
    on=st.sampled_from(SampleOn),
)


def naive_runs(sampling: Sampling, headers: list[FrameHeader]) -> list[int]:
    """The indexes of the frames to run at, read sentence by sentence from the contract."""
    runs = []
    for epoch in sorted({header.epoch for header in headers}):
        frames = [header for header in headers if header.epoch == epoch]
        t0 = frames[0].pts_us
        if sampling.on is SampleOn.KEYFRAMES:
            frames = [header for header in frames if header.keyframe]
        turn_is_unused = False
        needed = (sampling.count - 1) * (sampling.step or 1) + 1
        for i, frame in enumerate(frames):
            if i == 0 or sampling.interval_us == 0:
                due = True
            else:
                here = floor((frame.pts_us - t0 + 1) / sampling.interval_us)
                due = here > floor((frames[i - 1].pts_us - t0 + 1) / sampling.interval_us)
            turn_is_unused = turn_is_unused or due
            if turn_is_unused and i + 1 >= needed:
                runs.append(frame.index)
                turn_is_unused = False
    return runs


def runs_of(schedule: Schedule, headers: list[FrameHeader]) -> list[int]:
    return [header.index for header in headers if schedule.look(header) is Verdict.RUN]


@given(samplings, footage())
def test_runs_where_the_contract_says(sampling: Sampling, headers: list[FrameHeader]) -> None:
    assert runs_of(Schedule(sampling), headers) == naive_runs(sampling, headers)


@given(samplings, footage())
def test_a_window_lies_within_its_epoch(sampling: Sampling, headers: list[FrameHeader]) -> None:
    schedule = Schedule(sampling)
    keyed = sampling.on is SampleOn.KEYFRAMES
    for header in headers:
        if schedule.look(header) is Verdict.RUN:
            indexes = window_indexes(sampling, header.key_index if keyed else header.index)
            assert len(indexes) == sampling.count
            assert list(indexes) == sorted(set(indexes))
            assert indexes[0] >= (header.first_key_index if keyed else header.first_index)


@given(samplings, footage(), st.data())
def test_a_gap_never_hides_more_runs_than_are_reported(
    sampling: Sampling, headers: list[FrameHeader], data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(headers) - 1))
    end = data.draw(st.integers(start, len(headers) - 1))
    gap = headers[start:end]
    frame = headers[end]
    schedule = Schedule(sampling)
    seen = [(header.epoch, schedule.look(header)) for header in headers[:start]]
    told = [verdict for epoch, verdict in seen if epoch == frame.epoch and verdict is not Verdict.SKIP]
    was_open = told[-1:] == [Verdict.FILLING]
    lost = schedule.turns_lost_before(frame)
    within = {header.index for header in gap if header.epoch == frame.epoch}
    missed = len(within & set(naive_runs(sampling, headers)))
    # a turn that was open before the gap stays so: the next full window takes it
    assert missed - was_open <= lost <= len(within)


@given(st.integers(1, 50_000), st.integers(1, 20), st.integers(1, 200), st.data())
def test_a_gap_in_a_steady_source_is_counted_exactly(
    period_us: int, frames_per_turn: int, frames: int, data: st.DataObject
) -> None:
    sampling = Sampling(interval_us=period_us * frames_per_turn)
    headers = Source().play([period_us] * frames, [True] * (frames + 1), 5)
    start = data.draw(st.integers(0, frames))
    end = data.draw(st.integers(start, frames))
    schedule = Schedule(sampling)
    runs_of(schedule, headers[:start])
    due = naive_runs(sampling, headers)
    assert schedule.turns_lost_before(headers[end]) == len([i for i in due if start <= i < end])


def test_an_open_turn_goes_to_the_first_full_window() -> None:
    headers = Source().play([100_000] * 30, [True] * 31, 0)
    sampling = Sampling(interval_us=1_000_000, count=3, step=2)
    assert runs_of(Schedule(sampling), headers) == [4, 10, 20, 30]
    assert window_indexes(sampling, 4) == (0, 2, 4)


def test_uneven_pts_stay_on_the_grid() -> None:
    headers = Source().play([33_333, 33_333, 33_334] * 10, [True] * 31, 0)
    assert runs_of(Schedule(Sampling(interval_us=100_000)), headers) == [
        0,
        3,
        6,
        9,
        12,
        15,
        18,
        21,
        24,
        27,
        30,
    ]
