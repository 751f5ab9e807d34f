"""What other threads ask of the server's thread: bounded, and never waited for."""

from __future__ import annotations

import contextlib
import os
import threading
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field

from edged.output.rtsp.sdp import StreamFacts

MAX_PICTURES = 256
MAX_BYTES = 16 * 1024 * 1024
"""Of pictures that the server's thread has not taken yet; it takes them at once unless it has no CPU."""
MAX_PICTURE = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Picture:
    """An access unit on its way."""

    name: str
    access_unit: bytes = field(repr=False)
    pts_90k: int
    keyframe: bool
    given_s: float
    """Monotonic."""
    given_wall_ns: int


@dataclass(slots=True)
class Asked:
    """All that was asked since it was last taken."""

    paths: frozenset[str] | None = None
    """None: no change."""
    infos: dict[str, StreamFacts | None] = field(default_factory=dict)
    dismissed: set[str] = field(default_factory=set)
    """Whose viewers are sent away."""
    pictures: deque[Picture] = field(default_factory=deque)
    closed: bool = False


class Inbox:
    """Thread-safe. ``fileno()`` is readable when something is in it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked = Asked()
        self._bytes = 0
        self._closed = False
        self._broken: set[str] = set()
        self.dropped = 0
        self._event = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def fileno(self) -> int:
        """For the selector."""
        return self._event

    def set_paths(self, names: Collection[str]) -> None:
        """The newest wins."""
        with self._lock:
            self._asked.paths = frozenset(names)
            self._wake()

    def describe(self, name: str, info: StreamFacts | None) -> None:
        """The newest of each name wins."""
        with self._lock:
            self._asked.infos[name] = info
            self._wake()

    def dismiss(self, name: str) -> None:
        """Send its viewers away."""
        with self._lock:
            self._asked.dismissed.add(name)
            self._wake()

    def give(self, picture: Picture) -> None:
        """Where there is no room it is dropped, and so is all of its output until a keyframe has room."""
        with self._lock:
            size = len(picture.access_unit)
            full = self._bytes + size > MAX_BYTES or len(self._asked.pictures) >= MAX_PICTURES
            unusable = picture.name in self._broken and not picture.keyframe
            if full or unusable or size > MAX_PICTURE:
                self._broken.add(picture.name)
                self.dropped += 1
                return
            self._broken.discard(picture.name)
            self._asked.pictures.append(picture)
            self._bytes += size
            self._wake()

    def close(self) -> None:
        """The server's thread should end."""
        with self._lock:
            self._closed = True
            self._wake()

    def take(self) -> Asked:
        """Everything; afterwards it is empty."""
        with self._lock:
            asked, self._asked, self._bytes = self._asked, Asked(), 0
            asked.closed = self._closed
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._event)
        return asked

    def release(self) -> None:
        """Give the descriptor back; what is asked from now on is forgotten. Twice is fine."""
        with self._lock:
            if self._event >= 0:
                os.close(self._event)
            self._event = -1

    def _wake(self) -> None:
        if self._event >= 0:
            os.eventfd_write(self._event, 1)
