from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.algorithm.trails import LENGTH_US, Trails
from edged.model.detection import Detection
from edged.model.frame import FrameFormat, FrameHeader
from tests.pictures import header_of

LAYOUT = FrameFormat(64, 48)


def at(pts_us: int, epoch: int = 1) -> FrameHeader:
    return replace(header_of(LAYOUT, pts_us=pts_us), epoch=epoch)


def somebody(x: float, track_id: int | None = 7) -> Detection:
    return Detection((x - 0.1, 0.2, x + 0.1, 0.8), 0.9, "person", track_id=track_id)


def test_a_trail_is_where_the_feet_were_oldest_first() -> None:
    trails = Trails()
    for step in range(3):
        trails.saw(at(step * 1_000_000), [somebody(0.2 + step / 10), somebody(0.9, track_id=8)])
    walker, stander = trails.now(at(2_000_000), [somebody(0.4), somebody(0.9, track_id=8)])
    assert walker.track_id == 7
    assert [round(x, 6) for x, _ in walker.places] == [0.2, 0.3, 0.4]
    assert {y for _, y in walker.places} == {0.8}
    assert walker.ages == (0.4, 0.2, 0.0)
    assert stander.track_id == 8


def test_a_frame_that_was_not_remembered_ends_at_its_own_boxes() -> None:
    trails = Trails()
    trails.saw(at(0), [somebody(0.2)])
    trails.saw(at(50_000), [somebody(0.3)])
    (trail,) = trails.now(at(50_000), [somebody(0.3)])
    assert [round(x, 6) for x, _ in trail.places] == [0.2, 0.3]


def test_what_is_not_tracked_or_was_seen_once_has_no_trail() -> None:
    trails = Trails()
    for step in range(3):
        trails.saw(at(step * 1_000_000), [somebody(0.5, track_id=None)])
    assert trails.now(at(3_000_000), [somebody(0.5)]) == ()


def test_who_left_is_seen_until_it_is_forgotten() -> None:
    trails = Trails()
    trails.saw(at(0), [somebody(0.2)])
    trails.saw(at(1_000_000), [somebody(0.3)])
    for step in range(2, 8):
        trails.saw(at(step * 1_000_000), [])
        assert bool(trails.now(at(step * 1_000_000))) == (step * 1_000_000 <= LENGTH_US)


@pytest.mark.parametrize("later", [at(2_000_000, epoch=2), at(500_000)])
def test_an_epoch_and_a_clock_that_goes_back_begin_anew(later: FrameHeader) -> None:
    trails = Trails()
    trails.saw(at(0), [somebody(0.2)])
    trails.saw(at(1_000_000), [somebody(0.3)])
    assert trails.now(later, [somebody(0.9)]) == () or later.epoch == 1
    trails.saw(later, [somebody(0.9)])
    assert trails.now(later, [somebody(0.9)]) == ()


@given(st.lists(st.tuples(st.integers(-1, 400_000), st.integers(0, 500)), max_size=60))
def test_what_is_remembered_is_bounded(runs: list[tuple[int, int]]) -> None:
    trails, pts_us = Trails(), 0
    for passed_us, objects in runs:
        pts_us += passed_us
        trails.saw(at(pts_us), [somebody(0.5, track_id=number) for number in range(objects)])
        kept = trails.now(at(pts_us))
        assert len(kept) <= 300
        assert all(len(trail.places) <= LENGTH_US // 100_000 + 1 for trail in kept)
        assert all(0 <= age <= 1 for trail in kept for age in trail.ages)
