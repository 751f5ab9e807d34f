"""What is owed to the broker with QoS 1 besides retained states: the seam between window and storage.

The window takes the oldest message that is not in flight, sends it, and says when the broker has it.
`MemoryOutbox` keeps that in memory alone: for a device without a usable disk, and for programs that live
shortly. The durable one of the daemon is `edged.mqtt.durable`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from edged.mqtt.message import Message

QUEUE_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class Entry:
    """One message that is owed; ``id`` rises in the order of `Outbox.append`."""

    id: int
    message: Message


class Outbox(Protocol):
    """Used from the loop's thread only; never blocks."""

    @property
    def depth(self) -> int:
        """How many are owed and not in flight."""

    @property
    def dropped(self) -> int:
        """How many were given up since the start, for want of room or because they had grown too old."""

    def append(self, message: Message) -> None:
        """Owe a message from now on."""

    def peek(self) -> Entry | None:
        """The oldest that is not in flight. None: there is none, or it is still being read from the disk;
        then what `on_news` was given is called when it is there."""

    def sent(self, entry: Entry) -> None:
        """What `peek` gave is in flight now."""

    def acked(self, entry: Entry) -> None:
        """What was in flight is owed no longer."""

    def rewind(self) -> None:
        """The connection is gone: all that is in flight is owed again, before everything younger."""

    def on_news(self, call: Callable[[], None]) -> None:
        """Whom to call, from the loop, when `peek` may give something after it gave None."""


class MemoryOutbox:
    """A bounded queue in memory; when it is full the oldest goes."""

    def __init__(self, limit: int = QUEUE_LIMIT) -> None:
        self._limit = limit
        self._queue: deque[Entry] = deque()
        self._in_flight: dict[int, Entry] = {}
        self._last_id = 0
        self.dropped = 0

    @property
    def depth(self) -> int:
        return len(self._queue)

    def append(self, message: Message) -> None:
        self._last_id += 1
        self._queue.append(Entry(self._last_id, message))
        self._trim()

    def peek(self) -> Entry | None:
        return self._queue[0] if self._queue else None

    def sent(self, entry: Entry) -> None:
        self._in_flight[entry.id] = self._queue.popleft()

    def acked(self, entry: Entry) -> None:
        self._in_flight.pop(entry.id, None)

    def rewind(self) -> None:
        self._queue.extendleft(reversed(self._in_flight.values()))
        self._in_flight.clear()
        self._trim()

    def on_news(self, call: Callable[[], None]) -> None:
        """Nothing of it is ever anywhere but in memory."""

    def _trim(self) -> None:
        while len(self._queue) > self._limit:
            self._queue.popleft()
            self.dropped += 1
