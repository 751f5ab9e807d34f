"""What a worker relies on: windows and why not, leases, closing, and memory that is no track."""

from __future__ import annotations

import gc
import os
import threading

import numpy as np
import pytest

from edged.errors import TrackError
from edged.model.frame import ColorMatrix, FrameFormat
from edged.model.sampling import SampleOn, Sampling, window_indexes
from edged.track.memory import allocate
from edged.track.reader import Missing, TrackReader, Window
from edged.track.writer import TrackWriter


def indexes_of(window):
    return [frame.header.index for frame in window.frames]


def test_headers_come_oldest_first_and_only_new_ones(track):
    reader = track.reader()
    assert reader.headers(-1) == ()
    track.write(0, 1, 2, 3, 4, 5)
    assert reader.headers(-1) == tuple(map(track.header, (2, 3, 4, 5)))
    assert reader.headers(3) == tuple(map(track.header, (4, 5)))
    assert reader.headers(5) == ()
    assert reader.leases == 0


def test_headers_of_held_frames_are_there_too(track):
    reader = track.reader()
    track.write(0, 1)
    with track.lease(reader, 0):
        assert [header.index for header in reader.headers(-1)] == [0, 1]
        assert reader.leases == 1


@pytest.mark.parametrize(
    ("count", "step", "expected"), [(1, 0, [9]), (2, 1, [8, 9]), (2, 3, [6, 9]), (4, 0, [6, 7, 8, 9])]
)
def test_windows_of_count_and_step(track, count, step, expected):
    track.write(*range(10))
    indexes = window_indexes(Sampling(count=count, step=step), 9)
    with track.lease(track.reader(), *indexes) as window:
        assert indexes_of(window) == expected
        assert [frame.pixels.tolist() for frame in window.frames] == [
            [value] * track.format.frame_bytes for value in expected
        ]


def test_windows_of_keyframes(track):
    track.write(0, 5, 8, 10)  # key indexes 0, 1, (1: no keyframe), 2
    reader = track.reader()
    indexes = window_indexes(Sampling(count=3, on=SampleOn.KEYFRAMES), 2)
    with track.lease(reader, *indexes, by_key=True) as window:
        assert indexes_of(window) == [0, 5, 10]
    track.write(11, 12)
    assert reader.lease([1], by_key=True) is Missing.OVERWRITTEN
    assert reader.lease([3], by_key=True) is Missing.NOT_YET


@pytest.mark.parametrize(
    ("indexes", "why"),
    [
        ([3], Missing.OVERWRITTEN),
        ([3, 8], Missing.OVERWRITTEN),
        ([7], Missing.OVERWRITTEN),  # never written, and 8 was
        ([9], Missing.NOT_YET),
        ([8, 9], Missing.NOT_YET),
        ([3, 9], Missing.OVERWRITTEN),
        ([-1], Missing.OVERWRITTEN),
    ],
)
def test_why_a_window_cannot_be_had(track, indexes, why):
    reader = track.reader()
    track.write(0, 1, 2, 3, 4, 5, 6, 8)
    assert reader.lease(indexes) is why
    assert reader.leases == 0


def test_on_an_empty_track_nothing_is_there_yet(track):
    assert track.reader().lease([0]) is Missing.NOT_YET


def test_a_lease_that_failed_holds_nothing(track):
    reader = track.reader()
    track.write(0, 1, 2, 3)

    def lease_all(pixels):
        assert reader.lease([3, 2, 1, 0]) is Missing.OVERWRITTEN

    track.writer.write(track.header(4), lease_all)
    assert reader.leases == 0
    assert track.write(5, 6, 7, 8) == [True] * 4


def test_a_slot_is_held_until_the_last_of_its_leases_is_back(track):
    reader = track.reader()
    track.write(0, 1, 2, 3)
    one, other = track.lease(reader, 0), track.lease(reader, 0, 1)
    reader.headers(-1)
    one.release()
    one.release()
    track.write(4, 5)
    assert indexes_of(other) == [0, 1]
    assert [frame.pixels[0] for frame in other.frames] == [0, 1]
    other.release()
    track.write(6, 7)
    assert reader.lease([0]) is Missing.OVERWRITTEN


def test_two_readers_hold_independently(track):
    one, other = track.reader(), track.reader()
    track.write(0, 1, 2, 3)
    first, second = track.lease(one, 0), track.lease(other, 0)
    first.release()
    track.write(4)
    assert second.frames[0].pixels[0] == 0
    second.release()
    track.write(5)
    assert one.lease([0]) is Missing.OVERWRITTEN


def test_a_released_window_has_no_frames(track):
    track.write(0)
    window = track.lease(track.reader(), 0)
    window.release()
    assert window.frames == ()


def test_pixels_cannot_be_written_by_readers(track):
    track.write(0)
    with track.lease(track.reader(), 0) as window:
        pixels = window.frames[0].pixels
        with pytest.raises(ValueError, match="read-only"):
            pixels[0] = 1
        with pytest.raises(ValueError, match="WRITEABLE"):
            pixels.flags.writeable = True


def test_closing_waits_for_the_last_lease(track):
    reader = track.reader()
    track.write(0, 1, 2, 3)
    one, other = track.lease(reader, 0, 1, 2), track.lease(reader, 3)
    reader.close()
    one.release()
    assert other.frames[0].pixels[0] == 3
    track.write(4, 5, 6)
    assert track.write(7, 8) == [True, True]
    assert other.frames[0].pixels[0] == 3
    other.release()
    track.write(9, 10, 11, 12)
    with pytest.raises(TrackError, match="not open"):
        reader.lease([9])
    with pytest.raises(TrackError, match="not open"):
        reader.headers(-1)


def test_descriptors_go_with_the_last_lease_and_memory_with_the_last_array(open_descriptors, header_of):
    track_format = FrameFormat(64, 48)
    memfd = allocate(track_format, 2)
    descriptors = open_descriptors()
    with TrackWriter(os.dup(memfd), track_format, 2, ()) as writer:
        writer.write(header_of(0, track_format), lambda pixels: pixels.fill(7))
    reader = TrackReader(memfd, track_format, 2).open()
    window = reader.lease([0])
    assert isinstance(window, Window)
    pixels = window.frames[0].pixels
    reader.close()
    assert open_descriptors() > descriptors
    window.release()
    del reader, window
    gc.collect()
    assert (pixels == 7).all()  # still mapped: an array that is kept too long is no crash
    del pixels


def test_many_threads_lease_at_once(track):
    reader = track.reader()
    track.write(0, 1, 2, 3)
    done = threading.Barrier(5)
    errors = []

    def lease_often():
        for turn in range(500):
            with track.lease(reader, *((0, 1), (1, 2), (2,), (3, 0))[turn % 4]) as window:
                reader.headers(-1)
                wrong = [frame for frame in window.frames if frame.pixels[7] != frame.header.index]
                errors.extend(wrong)
        done.wait(20)

    threads = [threading.Thread(target=lease_often, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    done.wait(20)
    assert not errors
    assert reader.leases == 0
    assert track.write(4, 5, 6, 7) == [True] * 4


@pytest.mark.parametrize(
    ("track_format", "slots", "message"),
    [
        (FrameFormat(6, 5), 5, "bytes and was offered as"),
        (FrameFormat(60, 500), 4, "bytes and was offered as"),
        (FrameFormat(5, 6), 4, "header is not that"),
        (FrameFormat(6, 5, color_matrix=ColorMatrix.BT709), 4, "header is not that"),
        (FrameFormat(0, 5), 4, "cannot be"),
    ],
)
def test_a_track_that_was_offered_as_another_is_refused(track, track_format, slots, message):
    with pytest.raises(TrackError, match=message):
        TrackReader(os.dup(track.memfd), track_format, slots).open()


@pytest.mark.usefixtures("open_descriptors")
@pytest.mark.parametrize("kind", ["file", "pipe", "unsealed"])
def test_memory_that_is_no_track_is_refused(tmp_path, kind):
    other_end = None
    if kind == "file":
        fd = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
        os.posix_fallocate(fd, 0, 8192)
    elif kind == "pipe":
        fd, other_end = os.pipe()
    else:
        fd = os.memfd_create("unsealed", os.MFD_ALLOW_SEALING)
        os.posix_fallocate(fd, 0, 1 << 20)
    with pytest.raises(TrackError, match="not a frame track"):
        TrackReader(fd, FrameFormat(6, 5), 4).open()
    if other_end is not None:
        os.close(other_end)


def test_arrays_are_of_the_frame_alone(track):
    track.write(0)
    with track.lease(track.reader(), 0) as window:
        assert window.frames[0].pixels.shape == (track.format.frame_bytes,)
        assert window.frames[0].pixels.dtype == np.uint8
