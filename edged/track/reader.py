"""A worker's side of a frame track.

Readers never wait for the writer and it never waits for them: a frame is there, gone or not yet
there. While a window is leased its slots are locked and nothing in them changes; that, and what may
be trusted without a lock, is told in `edged.track.locks`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from edged.errors import TrackError
from edged.model.frame import FrameFormat, FrameHeader
from edged.track.layout import KEY_WORD, KEYFRAME_WORD, STATE, TrackLayout
from edged.track.locks import SlotLocks
from edged.track.mapping import TrackMapping, map_track


class Missing(Enum):
    """Why a window cannot be had."""

    OVERWRITTEN = "overwritten"
    """Some frame of it is no longer there, or never was (not due, or dropped): it will not come."""
    NOT_YET = "not yet"
    """Some frame of it is newer than all on the track."""


@dataclass(frozen=True, slots=True)
class LeasedFrame:
    header: FrameHeader
    pixels: NDArray[np.uint8]
    """(frame_bytes,), read-only, I420 as ``header.format`` lays it out. Good until its window is released."""


class Window:
    """Frames that do not change until `release`; a context manager that releases."""

    def __init__(self, reader: TrackReader, slots: Sequence[int], frames: tuple[LeasedFrame, ...]) -> None:
        self._reader = reader
        self._slots = slots
        self.frames = frames
        """In the order that was asked for; empty once released."""

    def release(self) -> None:
        """Give the frames back; from any thread, and twice is fine."""
        self.frames = ()
        self._reader._give_back(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


class TrackReader:
    """One process's reader of a track, for any of its threads.

    It owns the memfd that it is given and closes it. One description holds one lock for each slot,
    so the leases of a slot are counted here, and the slot is unlocked with the last of them.
    """

    def __init__(self, memfd: int, format: FrameFormat, slots: int) -> None:  # noqa: A002
        self._memfd = memfd
        self._format = format
        self._mutex = threading.Lock()
        self._mapping: TrackMapping | None = None
        self._locks: SlotLocks | None = None
        self._leases = [0] * slots
        self._closing = False

    @property
    def leases(self) -> int:
        """How many frames are leased now, each as often as it is."""
        return sum(self._leases)

    def open(self) -> Self:
        """Map the track. Raises TrackError, and is closed, when it is not what the arguments say."""
        try:
            layout = TrackLayout(self._format, len(self._leases))
            mapping = map_track(self._memfd, layout, writable=False)
        except TrackError:
            self.close()
            raise
        self._mapping = mapping
        self._locks = SlotLocks(mapping.fd, layout)
        self._close_memfd()
        return self

    def close(self) -> None:
        """Let go of the track, as soon as the last lease is back; until then no new one is given."""
        with self._mutex:
            self._closing = True
            self._close_memfd()
            self._close_when_idle()

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def headers(self, after_index: int) -> tuple[FrameHeader, ...]:
        """The frames on the track whose index is above ``after_index``, oldest first.

        A frame that the writer is just finishing is left out: its wake-up is still to come.
        Raises TrackError when the reader is not open.
        """
        with self._mutex:
            mapping, locks = self._opened()
            states = mapping.slot_words[:, STATE]
            if states.max() <= after_index + 1:
                return ()
            found: list[FrameHeader] = []
            for slot in (states > after_index + 1).nonzero()[0].tolist():
                if not self._hold(slot, locks):
                    continue
                frame = mapping.frame(slot)
                self._drop(slot, locks)
                if frame is not None and frame.index > after_index:
                    found.append(frame)
        found.sort(key=_index)
        return tuple(found)

    def lease(self, indexes: Sequence[int], *, by_key: bool = False) -> Window | Missing:
        """The frames with these indexes, or with ``by_key`` the keyframes with these key indexes.

        All of them, locked against the writer until the window is released, or why not.
        Raises TrackError when the reader is not open.
        """
        with self._mutex:
            mapping, locks = self._opened()
            where = _find_keyframes(mapping) if by_key else _find_frames(mapping)
            missing = [wanted for wanted in indexes if wanted not in where]
            if missing:
                newest = max(where, default=-1)
                return Missing.OVERWRITTEN if min(missing) <= newest else Missing.NOT_YET
            slots: list[int] = []
            frames: list[LeasedFrame] = []
            for wanted in indexes:
                slot = where[wanted]
                if not self._hold(slot, locks):
                    self._drop_all(slots, locks)
                    # The writer has it: to finish the newest frame, or to overwrite an older one.
                    return Missing.NOT_YET if wanted == max(where) else Missing.OVERWRITTEN
                slots.append(slot)
                frame = mapping.frame(slot)
                if frame is None or not _is_wanted(frame, wanted, by_key=by_key):
                    self._drop_all(slots, locks)
                    return Missing.OVERWRITTEN
                frames.append(LeasedFrame(frame, mapping.pixels[slot].view()))
            return Window(self, slots, tuple(frames))

    # ---- under the mutex ----

    def _opened(self) -> tuple[TrackMapping, SlotLocks]:
        if self._mapping is None or self._locks is None or self._closing:
            raise TrackError("the frame track's reader is not open")
        return self._mapping, self._locks

    def _hold(self, slot: int, locks: SlotLocks) -> bool:
        if not self._leases[slot] and not locks.try_shared(slot):
            return False
        self._leases[slot] += 1
        return True

    def _drop(self, slot: int, locks: SlotLocks) -> None:
        self._leases[slot] -= 1
        if not self._leases[slot]:
            locks.unlock(slot)

    def _drop_all(self, slots: Sequence[int], locks: SlotLocks) -> None:
        for slot in slots:
            self._drop(slot, locks)

    def _close_when_idle(self) -> None:
        if self._mapping is not None and not any(self._leases):
            os.close(self._mapping.fd)
            self._mapping = self._locks = None

    def _close_memfd(self) -> None:
        if self._memfd >= 0:
            os.close(self._memfd)
            self._memfd = -1

    # ---- for Window ----

    def _give_back(self, window: Window) -> None:
        with self._mutex:
            slots, window._slots = window._slots, ()
            if self._locks is not None:
                self._drop_all(slots, self._locks)
            if self._closing:
                self._close_when_idle()


def _index(frame: FrameHeader) -> int:
    return frame.index


def _is_wanted(frame: FrameHeader, wanted: int, *, by_key: bool) -> bool:
    return frame.keyframe and frame.key_index == wanted if by_key else frame.index == wanted


def _find_frames(mapping: TrackMapping) -> dict[int, int]:
    """The slot of each index; a hint, as no lock is held."""
    states = mapping.slot_words[:, STATE].tolist()
    return {state - 1: slot for slot, state in enumerate(states) if state}


def _find_keyframes(mapping: TrackMapping) -> dict[int, int]:
    """The slot of each key index; a hint, as no lock is held."""
    words = mapping.slot_words[:, [STATE, KEY_WORD, KEYFRAME_WORD]].tolist()
    return {key: slot for slot, (state, key, keyframe) in enumerate(words) if state and keyframe}
