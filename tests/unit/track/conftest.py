"""A small track to write to and read from."""

from __future__ import annotations

import contextlib
import gc
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from edged.model.frame import FrameFormat, FrameHeader
from edged.track.memory import allocate
from edged.track.reader import TrackReader, Window
from edged.track.writer import TrackWriter
from edged.types import MonotonicNs, PtsUs, WallNs


def make_header(index: int, frame_format: FrameFormat) -> FrameHeader:
    """Frame ``index`` of a source of 25 fps with a keyframe every 5 frames."""
    return FrameHeader(
        epoch=1,
        index=index,
        key_index=index // 5,
        pts_us=PtsUs(index * 40_000),
        t0_us=PtsUs(0),
        first_index=0,
        first_key_index=0,
        previous_us=PtsUs((index - 1) * 40_000) if index else None,
        previous_key_us=PtsUs((index - 1) // 5 * 200_000) if index else None,
        keyframe=index % 5 == 0,
        captured_ns=MonotonicNs(10**9 + index),
        captured_wall_ns=WallNs(2 * 10**9 + index),
        format=frame_format,
    )


@dataclass
class SmallTrack:
    """Memory of four slots of 6x5 pixels with a writer; readers are made as they are needed."""

    memfd: int
    wake: int
    writer: TrackWriter
    stack: contextlib.ExitStack
    format: FrameFormat
    slots: int

    def write(self, *indexes: int, keep_keyframes: int = 0) -> list[bool]:
        """Write frames whose bytes all are their index."""
        return [
            self.writer.write(
                self.header(index),
                lambda pixels, value=index: pixels.fill(value),
                keep_keyframes=keep_keyframes,
            )
            for index in indexes
        ]

    def header(self, index: int) -> FrameHeader:
        return make_header(index, self.format)

    def reader(self) -> TrackReader:
        reader = TrackReader(os.dup(self.memfd), self.format, self.slots)
        return self.stack.enter_context(reader)

    def another_writer(self) -> TrackWriter:
        return self.stack.enter_context(TrackWriter(os.dup(self.memfd), self.format, self.slots, ()))

    def lease(self, reader: TrackReader, *indexes: int, by_key: bool = False) -> Window:
        window = reader.lease(indexes, by_key=by_key)
        assert isinstance(window, Window), window
        return window


@pytest.fixture
def track() -> Iterator[SmallTrack]:
    frame_format, slots = FrameFormat(6, 5), 4
    memfd = allocate(frame_format, slots)
    wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
    with contextlib.ExitStack() as stack:
        stack.callback(os.close, memfd)
        stack.callback(os.close, wake)
        writer = stack.enter_context(TrackWriter(os.dup(memfd), frame_format, slots, [os.dup(wake)]))
        yield SmallTrack(memfd, wake, writer, stack, frame_format, slots)


@pytest.fixture
def open_descriptors() -> Iterator[Callable[[], int]]:
    """Counts this process's descriptors; fails the test when it leaves more open than it found."""

    def count() -> int:
        return sum(1 for _ in Path("/proc/self/fd").iterdir())

    gc.collect()  # what tests before this one left to the collector must not go meanwhile
    before = count()
    yield count
    assert count() == before


@pytest.fixture(name="header_of")
def fixture_header_of() -> Callable[[int, FrameFormat], FrameHeader]:
    return make_header
