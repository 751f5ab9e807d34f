"""What is sent next, and what again after a lost connection: pure, knows no socket and no clock.

Retained states are a map, latest only; whatever is in it is owed anew at each connect, in the order
in which the topics first came (so the birth message is first). Everything else with QoS 1 waits in an
outbox. At most a few are in flight at a time: MQTT clients that are handed everything at once send
everything at once, also after a reconnect.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edged.mqtt.message import Message
from edged.mqtt.outbox import Entry, MemoryOutbox, Outbox

IN_FLIGHT_LIMIT = 20
NEVER = 0
"""No packet has this identifier (MQTT 2.2.1)."""


@dataclass(frozen=True, slots=True)
class _InFlight:
    message: Message
    sent_s: float
    entry: Entry | None
    """None: a retained state."""


class Window:
    """Decides what is sent next, and what again after a lost connection."""

    def __init__(self, outbox: Outbox | None = None, *, in_flight_limit: int = IN_FLIGHT_LIMIT) -> None:
        self.outbox: Outbox = MemoryOutbox() if outbox is None else outbox
        self._most_in_flight = in_flight_limit
        self._in_flight_limit = in_flight_limit
        self._retained: dict[str, bytes] = {}
        self._owed: dict[str, None] = {}
        """Topics of retained states not sent yet on this connection; a set that keeps its order."""
        self._in_flight: dict[int, _InFlight] = {}

    @property
    def idle(self) -> bool:
        """Nothing waits to be sent or acknowledged."""
        return not (self._owed or self.outbox.depth or self._in_flight)

    @property
    def depth(self) -> int:
        """How many wait to be sent."""
        return len(self._owed) + self.outbox.depth

    @property
    def in_flight(self) -> int:
        return len(self._in_flight)

    @property
    def oldest_sent_s(self) -> float | None:
        """When the message was sent that has waited longest for its acknowledgement."""
        return next((entry.sent_s for entry in self._in_flight.values()), None)

    @property
    def clearing(self) -> frozenset[str]:
        """Topics that are to be cleared, as far as the broker has not said that it did."""
        return frozenset(topic for topic, payload in self._retained.items() if not payload)

    def retain(self, topic: str, payload: bytes, *, again: bool = False) -> bool:
        """The state of ``topic`` from now on; empty: none. False: it is the same as before, and not owed."""
        if self._retained.get(topic) == payload and not again:
            return False
        self._retained[topic] = payload
        self._owed[topic] = None
        return True

    def owe_retained(self) -> None:
        """All retained states are owed again."""
        self._owed = dict.fromkeys(self._retained)

    def begin(self, in_flight_limit: int) -> None:
        """A new connection, on which the broker takes so many at a time.

        All retained states are owed, then what was in flight, then the rest of the outbox.
        """
        self._in_flight_limit = max(1, min(self._most_in_flight, in_flight_limit))
        self._in_flight.clear()
        self.outbox.rewind()
        self.owe_retained()

    def send(self, publish: Callable[[Message], int | None], now_s: float) -> None:
        """Publish while there is something to send and room in flight.

        ``publish`` returns the packet identifier, `NEVER` for what this broker does not take (it is left
        out), or None when the connection is gone.
        """
        while len(self._in_flight) < self._in_flight_limit:
            entry = None if self._owed else self.outbox.peek()
            message = self._next_state() if entry is None else entry.message
            if message is None:
                return
            identifier = publish(message)
            if identifier is None:
                return
            self._count_as_sent(message, entry)
            if identifier != NEVER:
                self._in_flight[identifier] = _InFlight(message, now_s, entry)
            elif entry is not None:
                self.outbox.acked(entry)

    def acked(self, identifier: int) -> Message | None:
        """The broker has it. None: nothing of ours was in flight by this identifier."""
        sent = self._in_flight.pop(identifier, None)
        if sent is None:
            return None
        if sent.entry is not None:
            self.outbox.acked(sent.entry)
        elif not sent.message.payload:
            self._forget(sent.message.topic)
        return sent.message

    def _next_state(self) -> Message | None:
        for topic in self._owed:
            return Message(topic, self._retained[topic], qos=1, retain=True)
        return None

    def _count_as_sent(self, message: Message, entry: Entry | None) -> None:
        if entry is None:
            del self._owed[message.topic]
        else:
            self.outbox.sent(entry)

    def _forget(self, topic: str) -> None:
        """The broker cleared it: owe it no more, unless there is something newer."""
        newer = topic in self._owed or any(
            sent.entry is None and sent.message.topic == topic for sent in self._in_flight.values()
        )
        if not newer and self._retained.get(topic) == b"":
            del self._retained[topic]
