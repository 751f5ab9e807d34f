"""A stress of the frame track with real processes, run as a program; it prints one JSON report.

One writer and four readers work on a track of two slots as fast as they can, while their parent
stops, continues, kills and replaces them at random: the writer mostly in mid-write. Each frame is
filled with a number made of its index, and a reader looks at the whole of it, lets the others run,
and looks again. With ``--without-locks`` the slots' locks are taken out and nothing else is changed.

Processes are forked, so that killing and replacing them often is cheap; each opens a description of
its own, as exec'ed ones do. What they count lies in memory that they share with their parent.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import json
import mmap
import os
import random
import signal
import time
import traceback
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from edged.model.frame import FrameFormat, FrameHeader
from edged.track.locks import SlotLocks
from edged.track.memory import allocate
from edged.track.reader import LeasedFrame, Missing, TrackReader
from edged.track.writer import TrackWriter
from edged.types import MonotonicNs, PtsUs, WallNs

FORMAT = FrameFormat(160, 120)
SLOTS = 2
READERS = 4

NEXT_INDEX, COPYING, WRITTEN, DROPPED = range(4)
READS, TORN, MISSED = range(3)
_WORDS_OF_A_CHILD = 8
_PR_SET_PDEATHSIG = 1


def filling(index: int) -> int:
    """The 64-bit number that a frame consists of: no two frames share a byte pattern by chance."""
    return index * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF


def is_whole(frame: LeasedFrame) -> bool:
    """Whether pixels and header are those of one frame."""
    index = frame.header.index
    pixels = frame.pixels.view(np.uint64)
    times = (frame.header.pts_us, frame.header.captured_ns, frame.header.captured_wall_ns)
    return bool((pixels == filling(index)).all()) and times == (index * 3, index * 5, index * 7)


def write_frames(memfd: int, words: memoryview) -> None:
    """Write until killed; the index goes on where a killed writer was."""
    with TrackWriter(os.dup(memfd), FORMAT, SLOTS, ()) as writer:
        while True:
            index = words[NEXT_INDEX] = words[NEXT_INDEX] + 1
            done = writer.write(header_of(index), lambda pixels, index=index: copy(pixels, index, words))
            words[WRITTEN if done else DROPPED] += 1
            if not done:
                os.sched_yield()


def copy(pixels: NDArray[np.uint8], index: int, words: memoryview) -> None:
    """Fill a frame in two halves; now and then slowly, so that it can be stopped or killed in between."""
    words[COPYING] = 1
    numbers = pixels.view(np.uint64)
    half = len(numbers) // 2
    numbers[:half] = filling(index)
    if index % 50 == 0:
        time.sleep(0.001)
    numbers[half:] = filling(index)
    words[COPYING] = 0


def header_of(index: int) -> FrameHeader:
    return FrameHeader(
        epoch=1,
        index=index,
        key_index=index,
        pts_us=PtsUs(index * 3),
        t0_us=PtsUs(0),
        first_index=0,
        first_key_index=0,
        previous_us=None,
        previous_key_us=None,
        keyframe=True,
        captured_ns=MonotonicNs(index * 5),
        captured_wall_ns=WallNs(index * 7),
        format=FORMAT,
    )


def read_frames(memfd: int, words: memoryview, seed: int) -> None:
    """Lease and look until killed; mostly one frame, sometimes all that there are."""
    chance = random.Random(seed)
    with TrackReader(os.dup(memfd), FORMAT, SLOTS) as reader:
        while True:
            try:
                whole = read_window(reader, chance)
            except ValueError:  # a colour that does not exist: the header was torn
                whole = False
            if whole is None:
                words[MISSED] += 1
            else:
                words[READS] += 1
                words[TORN] += not whole


def read_window(reader: TrackReader, chance: random.Random) -> bool | None:
    """Whether a window's frames were those asked for, and whole for as long as it was leased.

    None: there was no window.
    """
    indexes = [header.index for header in reader.headers(-1)]
    if not indexes:
        os.sched_yield()
        return None
    wanted = indexes if chance.random() < 0.05 else [chance.choice(indexes)]
    window = reader.lease(wanted)
    if isinstance(window, Missing):
        return None
    with window:
        whole = [frame.header.index for frame in window.frames] == wanted
        whole = whole and all(map(is_whole, window.frames))
        os.sched_yield()
        return whole and all(map(is_whole, window.frames))


class Stress:
    """The parent: starts, stops, continues, kills and replaces the writer and the readers."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._memfd = allocate(FORMAT, SLOTS)
        shared = mmap.mmap(-1, (READERS + 1) * _WORDS_OF_A_CHILD * 8)
        self._words = memoryview(shared).cast("Q")
        self._writer_words = self._words[:_WORDS_OF_A_CHILD]
        self._writer = 0
        self._readers: list[int] = []
        self._stopped: list[tuple[float, int]] = []
        self.counts = {
            "reader_stops": 0,
            "reader_kills": 0,
            "writer_stops": 0,
            "writer_kills": 0,
            "writer_kills_in_mid_write": 0,
            "ended_by_themselves": 0,
        }

    def run(self, reads: int, deadline_s: float) -> dict[str, float]:
        """Until that many reads were made, or the deadline; then everything is ended and counted."""
        began = time.monotonic()
        try:
            self._start_writer()
            self._readers = [self._start_reader(place) for place in range(READERS)]
            while self._total(READS) < reads and time.monotonic() - began < deadline_s:
                self._disturb()
        finally:
            for pid in (self._writer, *self._readers):
                self._kill(pid)
        return {
            **self.counts,
            "reads": self._total(READS),
            "torn": self._total(TORN),
            "missed": self._total(MISSED),
            "written": self._writer_words[WRITTEN],
            "dropped": self._writer_words[DROPPED],
            "slots_free_at_the_end": self._count_free_slots(),
            "seconds": round(time.monotonic() - began, 1),
        }

    def _disturb(self) -> None:
        time.sleep(self._chance.uniform(0.001, 0.004))
        self._continue_stopped()
        deed = self._chance.random()
        if deed < 0.25:
            self._stop(self._chance.choice(self._readers))
            self.counts["reader_stops"] += 1
        elif deed < 0.30:
            self._replace_reader(self._chance.randrange(READERS))
        elif deed < 0.40:
            self._catch_writer_copying()
            self._stop(self._writer)
            self.counts["writer_stops"] += 1
        elif deed < 0.45:
            self._catch_writer_copying()
            self._replace_writer()

    def _stop(self, pid: int) -> None:
        if pid not in [stopped for _, stopped in self._stopped]:
            os.kill(pid, signal.SIGSTOP)
            self._stopped.append((time.monotonic() + self._chance.uniform(0.001, 0.01), pid))

    def _continue_stopped(self) -> None:
        now = time.monotonic()
        for until, pid in self._stopped:
            if until <= now:
                os.kill(pid, signal.SIGCONT)
        self._stopped = [(until, pid) for until, pid in self._stopped if until > now]

    def _catch_writer_copying(self) -> None:
        until = time.monotonic() + 0.01
        while not self._writer_words[COPYING] and time.monotonic() < until:
            time.sleep(0.0001)

    def _replace_reader(self, place: int) -> None:
        self._kill(self._readers[place])
        self._readers[place] = self._start_reader(place)
        self.counts["reader_kills"] += 1

    def _replace_writer(self) -> None:
        self._kill(self._writer)
        self.counts["writer_kills"] += 1
        self.counts["writer_kills_in_mid_write"] += self._writer_words[COPYING]
        self._writer_words[COPYING] = 0
        self._start_writer()

    def _kill(self, pid: int) -> None:
        self._stopped = [(until, stopped) for until, stopped in self._stopped if stopped != pid]
        os.kill(pid, signal.SIGKILL)
        status = os.waitpid(pid, 0)[1]
        self.counts["ended_by_themselves"] += not os.WIFSIGNALED(status)

    def _start_writer(self) -> None:
        self._writer = start(lambda: write_frames(self._memfd, self._writer_words))

    def _start_reader(self, place: int) -> int:
        seed = self._chance.randrange(2**32)
        return start(lambda: read_frames(self._memfd, self._words_of(place), seed))

    def _words_of(self, reader: int) -> memoryview:
        return self._words[(reader + 1) * _WORDS_OF_A_CHILD :]

    def _total(self, word: int) -> int:
        return sum(self._words_of(place)[word] for place in range(READERS))

    def _count_free_slots(self) -> int:
        """How many frames in a row a new writer can put on the track: what was killed holds nothing."""
        index = self._writer_words[NEXT_INDEX]
        with (
            TrackWriter(os.dup(self._memfd), FORMAT, SLOTS, ()) as writer,
            TrackReader(os.dup(self._memfd), FORMAT, SLOTS) as reader,
            contextlib.ExitStack() as windows,
        ):
            for free in range(SLOTS + 1):
                index += 1
                if not writer.write(header_of(index), lambda _: None):
                    return free
                window = reader.lease([index])
                if isinstance(window, Missing):
                    return free
                windows.enter_context(window)
        return SLOTS + 1


def start(work: Callable[[], None]) -> int:
    """Fork a child that works until it is killed, and dies with this process."""
    if pid := os.fork():
        return pid
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        work()
    except BaseException:  # noqa: BLE001 — whatever it is, it is shown and counted
        traceback.print_exc()
    finally:
        os._exit(1)


def take_out_locks() -> None:
    """What the locks are worth: readers and writer take every slot that they like."""
    SlotLocks.try_shared = lambda _self, _slot: True  # type: ignore[method-assign]
    SlotLocks.try_exclusive = lambda _self, _slot: True  # type: ignore[method-assign]
    SlotLocks.unlock = lambda _self, _slot: None  # type: ignore[method-assign]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reads", type=int, default=60_000)
    parser.add_argument("--deadline-s", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--without-locks", action="store_true")
    arguments = parser.parse_args()
    if arguments.without_locks:
        take_out_locks()
    print(json.dumps(Stress(arguments.seed).run(arguments.reads, arguments.deadline_s)))


if __name__ == "__main__":
    main()
