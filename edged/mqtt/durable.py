"""What is owed to the broker, on the disk: across broker outages, crashes and power cuts, in order.

A message goes out at once while its group commit runs beside; one that the broker acknowledged first is never
written. What was made in the last 200 ms before a kill may be missing, nothing older. In memory are only the
few that come next, and what waits for its commit; the rest is read from the disk when its turn comes.

Bounded in bytes by worth (`edged.mqtt.durable_policy`), in all on the disk and once more in memory for when
the disk refuses: the oldest results go first, then answers, then events, never what is in flight; what has
grown too old goes too. Every drop is counted by worth in `drops`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from edged.model.clock import Clock, Moment, age_ns, moment, presented
from edged.mqtt.durable_owed import InOrder, Owed, first_bytes, size_of
from edged.mqtt.durable_policy import Room, is_expired
from edged.mqtt.durable_rows import OUTBOX_SCHEMA, Amount
from edged.mqtt.durable_shelf import Shelf
from edged.mqtt.message import Message, Worth
from edged.mqtt.outbox import Entry
from edged.storage.database import Database

__all__ = ["OUTBOX_SCHEMA", "DurableOutbox"]

HEAD_COUNT = 256
HEAD_BYTES = 1 << 20
HEAD_LOW = HEAD_COUNT // 2
"""When fewer are at hand, more are fetched."""
MEMORY_BYTES = 8 << 20
"""For what waits for its commit, however long the disk takes or refuses."""


class DurableOutbox:
    """An `edged.mqtt.outbox.Outbox` in a `Database` that was given `OUTBOX_SCHEMA`.

    `Entry.id` is 1 for the first message of this run; those of earlier runs have 0 and below.
    """

    def __init__(self, database: Database, *, limit_bytes: int, clock: Clock) -> None:
        self.drops: dict[Worth, int] = dict.fromkeys(Worth, 0)
        """Given up since the start, for want of room, for age, or lost with a damaged file."""
        self._shelf = Shelf(database, self)
        self._room = Room(limit_bytes)
        self._memory = Room(MEMORY_BYTES)
        self._clock = clock
        self._head = InOrder()
        self._in_flight: dict[int, Owed] = {}
        self._held = Amount()
        """Everything that is owed, wherever it is."""
        self._last_id = 0
        self._news: Callable[[], None] = _nobody

    def start(self) -> None:
        """Look for what an earlier run left; until that is known, `peek` gives nothing. In the loop."""
        self._shelf.start()

    @property
    def depth(self) -> int:
        return len(self._head) + self._shelf.depth

    @property
    def bytes(self) -> int:
        """What all that is owed takes on the disk."""
        return sum(self._held.bytes.values())

    @property
    def dropped(self) -> int:
        return sum(self.drops.values())

    @property
    def oldest_s(self) -> float:
        """How long the oldest is owed that is in memory; 0: nothing is, or nobody knows."""
        first = next(iter(self._in_flight.values()), None) or self._head.first() or self._shelf.tail.first()
        age = age_ns(first.made, moment(self._clock)) if first is not None else None
        return (age or 0) / 1e9

    def append(self, message: Message) -> None:
        size = size_of(message)
        self._last_id += 1
        owed = Owed(self._last_id, message, moment(self._clock), size)
        self._held.add(message.worth, owed.size)
        if self._shelf.is_bare and self._room_bytes >= owed.size and len(self._head) < HEAD_COUNT:
            self._head.append(owed)
            self._shelf.secure(owed)
        else:
            self._shelf.append(owed)
        self._keep_within_limits()

    def peek(self) -> Entry | None:
        now = moment(self._clock)
        while (owed := self._first()) is not None:
            if not is_expired(owed.message.worth, age_ns(owed.made, now)):
                return Entry(owed.id, _as_of(owed, now))
            self._head.pop(owed)
            self._give_up(owed)
        return None

    def sent(self, entry: Entry) -> None:
        owed = self._head.first()
        if owed is None or owed.id != entry.id:
            raise ValueError("only what `peek` gave last can be sent")
        self._head.pop(owed)
        self._in_flight[owed.id] = owed
        self._refill()

    def acked(self, entry: Entry) -> None:
        owed = self._in_flight.pop(entry.id, None)
        if owed is not None:
            self._held.add(owed.message.worth, -owed.size, -1)
            self._shelf.remove(owed)

    def rewind(self) -> None:
        for owed in reversed(self._in_flight.values()):
            self._head.put_back(owed)
        self._in_flight.clear()
        self._keep_within_limits()

    def on_news(self, call: Callable[[], None]) -> None:
        self._news = call

    # ---- what the shelf tells ----

    def in_hand(self) -> Iterable[Owed]:
        return [*self._in_flight.values(), *self._head]

    def on_stock(self) -> None:
        self._held.include(self._shelf.stored)
        if self._shelf.stored.total:  # found late, and older than what came since
            waiting = list(self._head)
            self._head = InOrder()
            self._shelf.put_back(waiting)
        self.on_calm()

    def on_page(self, page: list[Owed]) -> None:
        self._take_in_hand(page)
        self.on_calm()

    def on_gone(self, gone: Amount) -> None:
        self._held.include(gone, sign=-1)
        for worth, count in gone.count.items():
            self.drops[worth] += count

    def on_calm(self) -> None:
        self._keep_within_limits()
        self._refill()
        if len(self._head):
            self._news()

    # ---- in memory ----

    @property
    def _room_bytes(self) -> int:
        return HEAD_BYTES - sum(self._head.bytes.values())

    def _first(self) -> Owed | None:
        first = self._head.first()
        if first is None:
            self._refill()
            first = self._head.first()
        return first

    def _refill(self) -> None:
        count = HEAD_COUNT - len(self._head)
        if count > HEAD_COUNT - HEAD_LOW and self._room_bytes > 0 and self._shelf.depth:
            self._take_in_hand(self._shelf.fetch(count, self._room_bytes))

    def _take_in_hand(self, page: list[Owed]) -> None:
        for owed in page:
            self._head.append(owed)

    def _keep_within_limits(self) -> None:
        # what an errand drops is not counted yet: dropping beside it, too much would go, and not the oldest
        excess = {} if self._shelf.is_on_errand else self._room.excess(self._held.bytes)
        for worth, size in excess.items():
            rest = size - self._drop(self._head.of(worth), size)
            if rest > 0:
                self._shelf.drop(worth, rest)
        unwritten = self._shelf.unwritten
        for worth, size in self._memory.excess(unwritten.bytes).items():
            rest = size - self._drop(filter(unwritten.holds, self._head.of(worth)), size)
            if rest > 0:
                self._shelf.drop_from_tail(worth, rest)

    def _drop(self, candidates: Iterable[Owed], size: int) -> int:
        """From the head, the first that make up so many bytes: how many bytes it were."""
        chosen = first_bytes(candidates, size)
        for owed in chosen:
            self._head.pop(owed)
            self._give_up(owed)
        return sum(owed.size for owed in chosen)

    def _give_up(self, owed: Owed) -> None:
        gone = Amount()
        gone.add(owed.message.worth, owed.size)
        self._shelf.remove(owed)
        self.on_gone(gone)


def _as_of(owed: Owed, now: Moment) -> Message:
    message = owed.message
    payload = presented(message.payload, owed.made, now)
    if payload is message.payload:
        return message
    return Message(message.topic, payload, 1, message.retain, message.worth, message.correlation)


def _nobody() -> None:
    return None
