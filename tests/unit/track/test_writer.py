"""What capture relies on: which slot is taken, what is dropped, who is woken, what errors leave."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest

from edged.errors import TrackError
from edged.model.frame import ColorMatrix, ColorRange, FrameFormat
from edged.track.memory import allocate
from edged.track.reader import Missing, TrackReader
from edged.track.writer import TrackWriter


def indexes_on(reader):
    return [header.index for header in reader.headers(-1)]


def test_a_frame_is_read_as_it_was_written(track):
    picture = np.arange(track.format.frame_bytes, dtype=np.uint8)
    color = replace(track.format, color_range=ColorRange.FULL, color_matrix=ColorMatrix.BT709)
    header = replace(track.header(3), format=color)
    assert track.writer.write(header, lambda pixels: np.copyto(pixels, picture))
    with track.lease(track.reader(), 3) as window:
        (frame,) = window.frames
        assert frame.header == header
        assert np.array_equal(frame.pixels, picture)


def test_the_oldest_frames_go_first(track):
    reader = track.reader()
    assert track.write(*range(10)) == [True] * 10
    assert indexes_on(reader) == [6, 7, 8, 9]


def test_held_frames_stay_and_the_oldest_of_the_others_go(track):
    reader = track.reader()
    track.write(0, 1, 2, 3)
    with track.lease(reader, 0, 2) as window:
        track.write(4, 5, 6)
        assert indexes_on(reader) == [0, 2, 5, 6]
        assert [frame.pixels[0] for frame in window.frames] == [0, 2]
    track.write(7)
    assert indexes_on(reader) == [2, 5, 6, 7]


def test_the_newest_keyframes_outlive_the_frames_between_them(track):
    reader = track.reader()
    assert track.write(*range(13), keep_keyframes=2) == [True] * 13
    assert indexes_on(reader) == [5, 10, 11, 12]
    with track.lease(reader, 1, 2, by_key=True) as window:
        assert [frame.pixels[0] for frame in window.frames] == [5, 10]
    with track.lease(reader, 11, 12):
        assert track.write(13, keep_keyframes=2) == [True], "rather than to drop the frame, one of them goes"
    assert indexes_on(reader) == [10, 11, 12, 13]


def test_a_track_takes_over_what_was_on_the_one_before(track):
    memfd = allocate(track.format, 6)
    reader = track.stack.enter_context(TrackReader(os.dup(memfd), track.format, 6))
    track.write(*range(6))
    with TrackWriter(memfd, track.format, 6, [os.dup(track.wake)]) as writer:
        os.eventfd_read(track.wake)
        writer.take_over(track.writer)
        assert os.eventfd_read(track.wake) == 4, "a reader that had not seen them all is woken"
        writer.write(track.header(6), lambda pixels: pixels.fill(6))
    with track.lease(reader, *range(2, 7)) as window:
        assert [frame.header for frame in window.frames] == [track.header(index) for index in range(2, 7)]
        assert [frame.pixels[0] for frame in window.frames] == list(range(2, 7))


def test_a_frame_is_dropped_when_every_slot_is_held(track):
    reader = track.reader()
    track.write(0, 1, 2, 3)
    os.eventfd_read(track.wake)
    with track.lease(reader, 0, 1, 2, 3):
        assert track.write(4, 5) == [False, False]
        with pytest.raises(BlockingIOError):
            os.eventfd_read(track.wake)
    assert track.write(6) == [True]
    assert indexes_on(reader) == [1, 2, 3, 6]


def test_readers_are_woken_once_for_each_frame(track):
    track.write(0, 1, 2)
    assert os.eventfd_read(track.wake) == 3


def test_a_reader_that_never_looks_is_not_waited_for(track):
    os.eventfd_write(track.wake, 2**64 - 2)
    assert track.write(0) == [True]


def test_nobody_sees_a_frame_that_is_being_written(track):
    reader = track.reader()
    track.write(0, 1, 2, 3)
    seen = []

    def copy(pixels):
        seen.append((indexes_on(reader), reader.lease([0]), reader.lease([4])))

    track.writer.write(track.header(4), copy)
    assert seen == [([1, 2, 3], Missing.OVERWRITTEN, Missing.NOT_YET)]
    assert indexes_on(reader) == [1, 2, 3, 4]


def test_a_copy_that_fails_leaves_an_empty_slot_that_is_taken_next(track):
    reader = track.reader()
    track.write(0, 1, 2, 3)
    os.eventfd_read(track.wake)

    def fail(pixels):
        pixels.fill(99)
        raise ValueError("no picture")

    with pytest.raises(ValueError, match="no picture"):
        track.writer.write(track.header(4), fail)
    assert indexes_on(reader) == [1, 2, 3]
    with pytest.raises(BlockingIOError):
        os.eventfd_read(track.wake)
    track.write(5)
    assert indexes_on(reader) == [1, 2, 3, 5]


def test_a_writer_after_another_goes_on_with_the_oldest(track):
    reader = track.reader()
    track.write(0, 1, 2, 3, 4, 5)
    track.writer.close()
    track.writer = track.another_writer()
    assert indexes_on(reader) == [2, 3, 4, 5]
    track.write(6)
    assert indexes_on(reader) == [3, 4, 5, 6]


def test_a_frame_of_another_size_is_refused(track):
    header = replace(track.header(0), format=FrameFormat(5, 6))
    with pytest.raises(TrackError, match="width=5, height=6"):
        track.writer.write(header, lambda pixels: None)


def test_a_writer_that_is_not_open_says_so(track):
    track.writer.close()
    track.writer.close()
    with pytest.raises(TrackError, match="not open"):
        track.write(0)


@pytest.mark.usefixtures("open_descriptors")
def test_the_writer_closes_what_it_was_given():
    track_format = FrameFormat(6, 5)
    wakes = [os.eventfd(0, os.EFD_NONBLOCK) for _ in range(2)]
    with TrackWriter(allocate(track_format, 2), track_format, 2, wakes):
        pass
    TrackWriter(allocate(track_format, 2), track_format, 2, [os.eventfd(0)]).close()
    with (
        pytest.raises(TrackError),
        TrackWriter(allocate(track_format, 3), track_format, 2, [os.eventfd(0)]),
    ):
        pass
