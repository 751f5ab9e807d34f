"""One mechanism for hangs: words in shared memory that say what a child is doing and until when.

Before anything that may block, a child writes (phase, job, source, deadline) to a lane of its page;
main kills it when now is past a deadline. A page belongs to one process; each thread that can hang
has a lane of its own. Beside the lanes lie gauges: 64-bit counters that main reads without a
message. Words are native and aligned, so each is read whole; the deadline is written last, and names
are only trusted after the child is dead.

::

    lane k at k*256:  deadline_ns | phase (8 words of text) | job (8) | source (8) | beat_ns
    gauges at 2048:   256 words
"""

from __future__ import annotations

import fcntl
import mmap
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

LANES = 8
GAUGES = 256
PAGE_BYTES = 4096
_LANE_WORDS = 32
_GAUGES_AT = 256
_TEXT_BYTES = 64
_BEAT_WORD = 25
BUILDING = "build"
"""The phase in which a child builds something that takes minutes: whoever waits for an answer waits on."""


@dataclass(frozen=True, slots=True)
class Activity:
    """What one lane was doing."""

    lane: int
    phase: str
    job: str
    source: str
    deadline_ns: int


def make_page() -> int:
    """A memfd of one page that nobody can shrink, all zero: no lane has a deadline yet."""
    fd = os.memfd_create("edged-heartbeat", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.posix_fallocate(fd, 0, PAGE_BYTES)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
    return fd


class Heartbeat:
    """The page, seen from either side. Closing is left to the end of the process or `close`."""

    def __init__(self, fd: int) -> None:
        self._map = mmap.mmap(fd, PAGE_BYTES)
        self._words = memoryview(self._map).cast("Q")
        self.gauges = self._words[_GAUGES_AT : _GAUGES_AT + GAUGES]
        """Counters; each index belongs to whoever defines the child."""

    def close(self) -> None:
        self.gauges.release()
        self._words.release()
        self._map.close()

    # ---- the child's side ----

    def beat(self, phase: str, for_s: float, *, lane: int = 0, job: str = "", source: str = "") -> None:
        """Say what this lane does now and that it will be heard of again within ``for_s`` seconds."""
        base = lane * _LANE_WORDS * 8
        for place, text in enumerate((phase, job, source)):
            start = base + 8 + place * _TEXT_BYTES
            self._map[start : start + _TEXT_BYTES] = text.encode()[:_TEXT_BYTES].ljust(_TEXT_BYTES, b"\0")
        self.extend(for_s, lane=lane)

    def extend(self, for_s: float, *, lane: int = 0) -> None:
        """The same activity, a later deadline: two words."""
        now_ns = time.monotonic_ns()
        self._words[lane * _LANE_WORDS + _BEAT_WORD] = now_ns
        self._words[lane * _LANE_WORDS] = now_ns + int(for_s * 1e9)

    def rest(self, *, lane: int = 0) -> None:
        """This lane does nothing that could hang."""
        self._words[lane * _LANE_WORDS] = 0

    @contextmanager
    def doing(
        self, phase: str, for_s: float, *, lane: int, job: str = "", source: str = ""
    ) -> Iterator[None]:
        """`beat` before, `rest` after (also after an error)."""
        self.beat(phase, for_s, lane=lane, job=job, source=source)
        try:
            yield
        finally:
            self.rest(lane=lane)

    @contextmanager
    def meanwhile(self, phase: str, for_s: float, *, lane: int) -> Iterator[None]:
        """Something with a deadline of its own within what the lane does, which afterwards has as long left
        as it had before.
        """
        outer = self.activity(lane)
        left_s = max(0.0, (outer.deadline_ns - time.monotonic_ns()) / 1e9)
        self.beat(phase, for_s, lane=lane, job=outer.job, source=outer.source)
        try:
            yield
        finally:
            if outer.deadline_ns:
                self.beat(outer.phase, left_s, lane=lane, job=outer.job, source=outer.source)
            else:
                self.rest(lane=lane)

    # ---- main's side ----

    def overdue(self, now_ns: int) -> Activity | None:
        """The lane whose deadline is past, if there is one."""
        for lane in range(LANES):
            deadline = self._words[lane * _LANE_WORDS]
            if deadline and now_ns > deadline:
                return self.activity(lane)
        return None

    def last_beat_ns(self) -> int:
        """Monotonic time of the newest beat of any lane; 0: none yet."""
        return max(self._words[lane * _LANE_WORDS + _BEAT_WORD] for lane in range(LANES))

    def activities(self) -> tuple[Activity, ...]:
        """All lanes that are doing something. Call it for a dead child to learn what it died of."""
        busy = (lane for lane in range(LANES) if self._words[lane * _LANE_WORDS])
        return tuple(self.activity(lane) for lane in busy)

    def activity(self, lane: int) -> Activity:
        base = lane * _LANE_WORDS * 8
        raw = self._map[base + 8 : base + 8 + 3 * _TEXT_BYTES]
        texts = (raw[start : start + _TEXT_BYTES].rstrip(b"\0") for start in range(0, len(raw), _TEXT_BYTES))
        phase, job, source = (text.decode(errors="replace") for text in texts)
        return Activity(lane, phase, job, source, self._words[lane * _LANE_WORDS])
