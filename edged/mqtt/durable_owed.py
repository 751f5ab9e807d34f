"""One owed message, and many of them in the order in which they came."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from heapq import merge

from edged.model.clock import Moment
from edged.mqtt.message import Message, Worth

_PAGE_BYTES = 4096
_USABLE_BYTES = 4050
_ROW_BYTES = 80


@dataclass(frozen=True, slots=True, eq=False)
class Owed:
    """``id`` rises in the order of appending; those of an earlier run are 0 and below."""

    id: int
    message: Message
    made: Moment
    size: int
    """What it takes on the disk, in bytes."""


def size_of(message: Message) -> int:
    """What a message takes on the disk: of a page its share, or a page for its head and its own bytes.

    Raises UnicodeEncodeError for a topic that is no text: no row could hold it.
    """
    row = _ROW_BYTES + len(message.topic.encode()) + len(message.payload) + len(message.correlation)
    if row > _USABLE_BYTES:
        return row + _PAGE_BYTES
    return _PAGE_BYTES // (_USABLE_BYTES // row)


class InOrder:
    """A queue by id that also knows its oldest of each worth. Nothing of it takes longer when it is long."""

    def __init__(self) -> None:
        self._queues: dict[Worth, deque[Owed]] = {worth: deque() for worth in Worth}
        self.bytes: dict[Worth, int] = dict.fromkeys(Worth, 0)

    def __len__(self) -> int:
        return sum(map(len, self._queues.values()))

    def __iter__(self) -> Iterator[Owed]:
        """By id; only until it is changed."""
        return merge(*self._queues.values(), key=_id_of)

    def append(self, owed: Owed) -> None:
        """Younger than all there are."""
        self._queues[owed.message.worth].append(owed)
        self.bytes[owed.message.worth] += owed.size

    def put_back(self, owed: Owed) -> None:
        """Older than all there are."""
        self._queues[owed.message.worth].appendleft(owed)
        self.bytes[owed.message.worth] += owed.size

    def first(self) -> Owed | None:
        """The oldest."""
        oldest: Owed | None = None
        for queue in self._queues.values():
            if queue and (oldest is None or queue[0].id < oldest.id):
                oldest = queue[0]
        return oldest

    def of(self, worth: Worth) -> Iterator[Owed]:
        """By id; only until the queue is changed."""
        return iter(self._queues[worth])

    def pop(self, owed: Owed) -> None:
        """Take it out; quick for the oldest of its worth."""
        self._queues[owed.message.worth].remove(owed)
        self.bytes[owed.message.worth] -= owed.size


def first_bytes(queue: Iterable[Owed], size: int) -> list[Owed]:
    """So many of the first as make up ``size`` bytes."""
    chosen: list[Owed] = []
    for owed in queue:
        if size <= 0:
            break
        chosen.append(owed)
        size -= owed.size
    return chosen


def _id_of(owed: Owed) -> int:
    return owed.id
