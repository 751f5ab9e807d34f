"""When there is a track, and when there is a new one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace

import pytest

from edged.control import tracks
from edged.control.tracks import FrameTrackDesk
from edged.model.capturing import Demand
from edged.model.frame import FrameFormat
from tests.descriptors import descriptors_left, open_descriptors

FORMAT = FrameFormat(64, 48)
WINDOWS = Demand(every_frame=True)


@pytest.fixture
def desk() -> Iterator[FrameTrackDesk]:
    desk = FrameTrackDesk("gate")
    yield desk
    desk.close()


def test_no_memory_without_a_reader_or_a_format(desk: FrameTrackDesk) -> None:
    assert not desk.set_format(FORMAT)
    assert desk.track is None
    assert desk.set_readers({"main": 1}, Demand())
    assert desk.track is not None


def test_a_new_track_only_when_the_present_one_does_not_do(desk: FrameTrackDesk) -> None:
    desk.set_format(FORMAT)
    desk.set_readers({"main": 10}, WINDOWS)
    first = desk.track
    assert not desk.set_readers({"main": 3}, WINDOWS), "a shallower window fits"
    assert desk.track is first
    assert desk.set_readers({"main": 30}, WINDOWS), "a deeper one does not"
    kept = replace(WINDOWS, keep_keyframes=9)
    assert desk.set_readers({"main": 30}, kept), "keyframes that are kept need room as well"
    assert desk.set_readers({"main": 30, "slow": 1}, kept), "another reader needs its eventfd"
    assert desk.track is not None
    assert desk.track.offer.generation == 4
    assert set(desk.track.wakes) == {"main", "slow"}


def test_a_new_format_makes_a_new_track_and_lets_go_of_the_old(desk: FrameTrackDesk) -> None:
    desk.set_readers({"main": 1}, Demand())
    desk.set_format(FORMAT)
    assert desk.track is not None
    old = desk.track.memfd
    desk.set_format(FrameFormat(128, 96))
    assert desk.track is not None
    assert desk.track.offer.format.width == 128
    assert os.fstat(desk.track.memfd).st_size > 4 * FrameFormat(128, 96).frame_bytes
    desk.forget_format()
    assert desk.track is None
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(old)


def test_nobody_reads_any_more(desk: FrameTrackDesk) -> None:
    desk.set_readers({"main": 1}, Demand())
    desk.set_format(FORMAT)
    assert desk.set_readers({}, Demand()), "the readers there were must be told"
    assert desk.track is None


def test_what_is_too_big_is_an_error_that_says_the_mend_and_can_be_tried_again(
    desk: FrameTrackDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.set_readers({"main": 1}, Demand())
    monkeypatch.setattr(tracks, "available_bytes", lambda: 20_000)
    assert not desk.set_format(FORMAT)
    assert "set a smaller size" in desk.error
    assert not desk.retry()
    monkeypatch.undo()
    assert desk.retry()
    assert desk.track is not None
    assert desk.error == ""
    assert not desk.retry(), "there is nothing to try again"


@pytest.mark.parametrize("left", [0, 1, 2])
def test_a_track_for_which_descriptors_are_missing_leaves_none_open_and_can_be_tried_again(
    desk: FrameTrackDesk, left: int
) -> None:
    before = len(open_descriptors())
    desk.set_readers({"main": 1, "slow": 1}, Demand())
    with descriptors_left(left):
        assert not desk.set_format(FORMAT)
        assert desk.track is None
    assert "Too many open files" in desk.error
    assert len(open_descriptors()) == before
    assert desk.retry()
    assert desk.track is not None
    assert len(open_descriptors()) == before + 3
