"""What the capture's thread hands to the one that writes: never more than a disk can be late."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, field

from edged.capture.recording.kept import Kept
from edged.model.capturing import ClipRequest, Recording

MOST_PACKETS = 4096
MOST_BYTES = 32 * 1024 * 1024
MOST_CLIPS = 16
"""That wait to be begun: each holds the packets from before its moment."""
_LONG_AGO_NS = 1 << 62


@dataclass(frozen=True, slots=True)
class BeginClip:
    request: ClipRequest
    backlog: list[Kept] = field(repr=False)
    """What is kept from its beginning on; all that comes follows."""


@dataclass(frozen=True, slots=True)
class ProlongClip:
    request: ClipRequest


@dataclass(frozen=True, slots=True)
class EndClip:
    """Nobody waits for it any more: it ends as it is."""

    id: int


@dataclass(frozen=True, slots=True)
class Record:
    """From now on, or (None) no more."""

    folder: str
    recording: Recording | None


@dataclass(frozen=True, slots=True)
class Cut:
    """Nothing more comes of this opening: clips end, and the segment."""


@dataclass(frozen=True, slots=True)
class FinishLeftovers:
    """Of captures before this one."""

    folder: str


Order = Kept | BeginClip | ProlongClip | EndClip | Record | Cut | FinishLeftovers


class Orders:
    """A queue between two threads. Packets beyond its bounds are refused, up to the next keyframe for which
    there is room, and clips. Other orders never are: they are few, and cuts in a row are one.
    """

    def __init__(self, most_packets: int = MOST_PACKETS, most_bytes: int = MOST_BYTES) -> None:
        self._most_packets = most_packets
        self._most_bytes = most_bytes
        self._change = threading.Condition()
        self._waiting: deque[Order] = deque()
        self._packets = 0
        self._bytes = 0
        self._clips = 0
        self._refusing = False
        self._closed = False
        self.refused = 0
        """Packets that found no room."""
        self.refused_ns = -_LONG_AGO_NS
        """Monotonic: the last of them."""

    def put(self, order: Order) -> None:
        """What is neither a packet nor a new clip."""
        with self._change:
            if isinstance(order, Cut) and self._waiting and isinstance(self._waiting[-1], Cut):
                return
            self._waiting.append(order)
            self._change.notify()

    def begin(self, clip: BeginClip) -> bool:
        """False: refused, for so many wait already."""
        with self._change:
            if self._clips >= MOST_CLIPS:
                return False
            self._clips += 1
            self._waiting.append(clip)
            self._change.notify()
        return True

    def offer(self, kept: Kept) -> bool:
        """A packet; False: refused."""
        with self._change:
            has_room = self._packets < self._most_packets and self._bytes + kept.bytes <= self._most_bytes
            if not has_room or (self._refusing and not kept.keyframe):
                self._refusing = True
                self.refused += 1
                self.refused_ns = time.monotonic_ns()
                return False
            self._refusing = False
            self._packets += 1
            self._bytes += kept.bytes
            self._waiting.append(kept)
            self._change.notify()
            return True

    def take(self, wait_s: float | None) -> Order | None:
        """The next one; None: none came in time, or it is closed and all is taken."""
        with self._change:
            if not self._waiting and not self._closed:
                self._change.wait(wait_s)
            if not self._waiting:
                return None
            order = self._waiting.popleft()
            if isinstance(order, Kept):
                self._packets -= 1
                self._bytes -= order.bytes
            self._clips -= isinstance(order, BeginClip)
            return order

    def close(self) -> None:
        """Whoever waits is woken."""
        with self._change:
            self._closed = True
            self._change.notify_all()

    @property
    def closed(self) -> bool:
        return self._closed

    @property
    def is_empty(self) -> bool:
        return not self._waiting
