"""One process's view of a frame track: a description of its own, and the memory behind it.

The mapping lives as long as anything that looks into it: arrays hold the mmap, and it is unmapped
when the last of them goes. So an array that an algorithm keeps for too long shows later pictures,
but never crashes the process.
"""

from __future__ import annotations

import fcntl
import mmap
import os

import numpy as np
from numpy.typing import NDArray

from edged.errors import TrackError
from edged.model.frame import FrameHeader
from edged.track.layout import HEADER_BYTES, HEADER_WORDS, STATE, TrackLayout, pack_frame, unpack_frame
from edged.track.memory import SEALS


class TrackMapping:
    """The memory of one track as words, headers and pixels. Made by `map_track`."""

    def __init__(self, fd: int, layout: TrackLayout, memory: mmap.mmap) -> None:
        self.fd = fd
        """A description that nobody else has; the owner of the mapping closes it."""
        self._layout = layout
        self._bytes = memoryview(memory)
        self._words = self._bytes.cast("q")
        first = HEADER_WORDS
        every = np.frombuffer(memory, np.int64, layout.slots * HEADER_WORDS, first * 8)
        self.slot_words: NDArray[np.int64] = every.reshape(layout.slots, HEADER_WORDS)
        """(slots, 16): the slots' headers. Without the slot's lock only a hint."""
        size = layout.format.frame_bytes
        self.pixels: tuple[NDArray[np.uint8], ...] = tuple(
            np.frombuffer(memory, np.uint8, size, layout.slot_pixels_at(slot)) for slot in range(layout.slots)
        )
        """For each slot (frame_bytes,); as writable as the mapping."""

    def frame(self, slot: int) -> FrameHeader | None:
        """The header of the frame in a slot whose lock is held; None: it holds none."""
        return unpack_frame(self._bytes, self._layout.header_at(slot), self._layout.format)

    def clear(self, slot: int) -> None:
        """Say, in one store, that the slot holds no frame."""
        self._words[self._state_at(slot)] = 0

    def put(self, slot: int, header: FrameHeader) -> None:
        """Say which frame the slot holds; the state comes last."""
        pack_frame(header, self._bytes, self._layout.header_at(slot))
        self._words[self._state_at(slot)] = header.index + 1

    def _state_at(self, slot: int) -> int:
        return self._layout.header_at(slot) // 8 + STATE


def map_track(memfd: int, layout: TrackLayout, *, writable: bool) -> TrackMapping:
    """Open the track behind ``memfd`` (which stays open) once more and map it.

    Raises TrackError when that memory is not a track of this layout.
    """
    try:
        seals = fcntl.fcntl(memfd, fcntl.F_GET_SEALS)
        fd = os.open(f"/proc/self/fd/{memfd}", (os.O_RDWR if writable else os.O_RDONLY) | os.O_CLOEXEC)
    except OSError as error:
        raise TrackError(f"not a frame track: {error.strerror}") from error
    try:
        _check(fd, seals, layout)
        protection = mmap.PROT_READ | (mmap.PROT_WRITE if writable else 0)
        memory = mmap.mmap(fd, layout.total_bytes, mmap.MAP_SHARED, protection)
    except OSError as error:
        os.close(fd)
        raise TrackError(f"the frame track cannot be mapped: {error.strerror}") from error
    except TrackError:
        os.close(fd)
        raise
    return TrackMapping(fd, layout, memory)


def _check(fd: int, seals: int, layout: TrackLayout) -> None:
    if seals & SEALS != SEALS:
        raise TrackError("not a frame track: its memory is not sealed against a change of size")
    if (size := os.fstat(fd).st_size) != layout.total_bytes:
        raise TrackError(f"the frame track is {size} bytes and was offered as {layout.total_bytes}")
    expected = layout.track_header()
    if os.pread(fd, HEADER_BYTES, 0)[: len(expected)] != expected:
        raise TrackError("the frame track's header is not that of the track that was offered")
