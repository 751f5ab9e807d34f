"""Capture's side of a frame track.

The writer takes the slot whose frame is oldest, or the next oldest when readers hold that one, so
a held slot never makes it overwrite a newer frame while an older one could go. Keyframes that windows
of keyframes need outlive the frames between them. What orders its stores before what readers see is
told in `edged.track.locks`.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from edged.errors import TrackError
from edged.model.frame import FrameFormat, FrameHeader
from edged.track.layout import KEYFRAME_WORD, STATE, TrackLayout
from edged.track.locks import SlotLocks
from edged.track.mapping import TrackMapping, map_track


class TrackWriter:
    """The one writer of a track. Not thread-safe: it belongs to the thread that decodes.

    It owns the memfd and the eventfds that it is given and closes them. The eventfds must be
    non-blocking: a reader that does not look is not waited for.
    """

    def __init__(self, memfd: int, format: FrameFormat, slots: int, wakes: Sequence[int]) -> None:  # noqa: A002
        self._memfd = memfd
        self._format = format
        self._slots = slots
        self._wakes = list(wakes)
        self._mapping: TrackMapping | None = None
        self._locks: SlotLocks | None = None
        self._oldest_first: list[int] = []

    def open(self) -> Self:
        """Map the track; it may hold the frames of a writer before this one, and keeps them.

        Raises TrackError, and is closed, when the memory is not what the arguments say.
        """
        try:
            layout = TrackLayout(self._format, self._slots)
            mapping = map_track(self._memfd, layout, writable=True)
        except TrackError:
            self.close()
            raise
        self._mapping = mapping
        self._locks = SlotLocks(mapping.fd, layout)
        states = mapping.slot_words[:, STATE].tolist()
        self._oldest_first = sorted(range(self._slots), key=states.__getitem__)
        return self

    def close(self) -> None:
        """Let go of the memory and the descriptors. Readers keep what they have; closing twice is fine."""
        fds = [self._memfd, *self._wakes] if self._memfd >= 0 else []
        if self._mapping is not None:
            fds.append(self._mapping.fd)
        self._mapping = self._locks = None
        self._memfd = -1
        self._wakes = []
        for fd in fds:
            os.close(fd)

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def take_over(self, before: TrackWriter, *, keep_keyframes: int = 0) -> None:
        """Put the frames of another track of this size here, as far as there is room: windows stay whole.

        Raises TrackError when either is not open or the sizes differ.
        """
        for header, pixels in before._frames():
            self.write(header, partial(np.copyto, src=pixels), keep_keyframes=keep_keyframes)

    def write(
        self, header: FrameHeader, copy: Callable[[NDArray[np.uint8]], None], *, keep_keyframes: int = 0
    ) -> bool:
        """Put one frame on the track and wake its readers; False: every slot is held, it is dropped.

        So many of the newest keyframes go only when nothing else can.
        ``copy`` fills the array (frame_bytes,) that it is given, whole, and must not keep it. When it
        raises, the slot stays empty and the error goes on. ``header.index`` rises from write to
        write. Raises TrackError when the frame is not of the track's size (its colours may differ),
        or the writer is not open.
        """
        if self._mapping is None or self._locks is None:
            raise TrackError("the frame track's writer is not open")
        if header.format.width != self._format.width or header.format.height != self._format.height:
            raise TrackError(f"a frame of {header.format} is not for a track of {self._format}")
        candidates = self._in_turn(self._mapping, keep_keyframes)
        slot = next(filter(self._locks.try_exclusive, candidates), None)
        if slot is None:
            return False
        try:
            self._mapping.clear(slot)
            copy(self._mapping.pixels[slot])
            self._mapping.put(slot, header)
        finally:
            self._locks.unlock(slot)
        self._oldest_first.remove(slot)
        self._oldest_first.append(slot)
        self._wake()
        return True

    def _in_turn(self, mapping: TrackMapping, keep_keyframes: int) -> list[int]:
        """The slots in the order in which they may be overwritten."""
        if not keep_keyframes:
            return self._oldest_first
        words = mapping.slot_words
        keyframes = [slot for slot in self._oldest_first if words[slot, STATE] and words[slot, KEYFRAME_WORD]]
        kept = keyframes[-keep_keyframes:]
        return sorted(self._oldest_first, key=kept.__contains__)

    def _frames(self) -> Iterator[tuple[FrameHeader, NDArray[np.uint8]]]:
        """What is on the track, oldest first. Nobody else writes, so no lock is needed to look."""
        if self._mapping is None:
            raise TrackError("the frame track's writer is not open")
        for slot in self._oldest_first:
            header = self._mapping.frame(slot)
            if header is not None:
                yield header, self._mapping.pixels[slot]

    def _wake(self) -> None:
        for wake in self._wakes:
            # Full only when its reader did not look for 2^64 frames: it will be woken anyway.
            with contextlib.suppress(BlockingIOError):
                os.eventfd_write(wake, 1)
