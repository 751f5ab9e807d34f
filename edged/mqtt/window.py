"""What is owed to the broker with QoS 1, in memory: pure, knows no socket and no clock.

Retained states are a map, latest only; whatever is in it is owed anew at each connect, in the order
in which the topics first came (so the birth message is first). Other messages are a bounded queue;
when it is full the oldest goes. At most a few are in flight at a time: MQTT clients that are handed
everything at once send everything at once, also after a reconnect.

The durable outbox takes the queue's place later; it fits behind `Window.append` and `Window.acked`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from edged.mqtt.message import Message

IN_FLIGHT_LIMIT = 20
QUEUE_LIMIT = 1000
NEVER = 0
"""No packet has this identifier (MQTT 2.2.1)."""


@dataclass(frozen=True, slots=True)
class _InFlight:
    message: Message
    sent_s: float


class Window:
    """Decides what is sent next, and what again after a lost connection."""

    def __init__(self, *, in_flight_limit: int = IN_FLIGHT_LIMIT, queue_limit: int = QUEUE_LIMIT) -> None:
        self._most_in_flight = in_flight_limit
        self._in_flight_limit = in_flight_limit
        self._queue_limit = queue_limit
        self._retained: dict[str, bytes] = {}
        self._owed: dict[str, None] = {}
        """Topics of retained states not sent yet on this connection; a set that keeps its order."""
        self._queue: deque[Message] = deque()
        self._in_flight: dict[int, _InFlight] = {}

    @property
    def idle(self) -> bool:
        """Nothing waits to be sent or acknowledged."""
        return not (self._owed or self._queue or self._in_flight)

    @property
    def depth(self) -> int:
        """How many wait to be sent."""
        return len(self._owed) + len(self._queue)

    @property
    def in_flight(self) -> int:
        return len(self._in_flight)

    @property
    def oldest_sent_s(self) -> float | None:
        """When the message was sent that has waited longest for its acknowledgement."""
        return next((entry.sent_s for entry in self._in_flight.values()), None)

    def retain(self, topic: str, payload: bytes) -> bool:
        """The state of ``topic`` from now on; empty: none. False: it is the same as before."""
        if self._retained.get(topic) == payload:
            return False
        self._retained[topic] = payload
        self._owed[topic] = None
        return True

    def append(self, message: Message) -> int:
        """Queue a message that is not retained. Returns how many of the oldest were dropped for it."""
        self._queue.append(message)
        return self._trim()

    def begin(self, in_flight_limit: int) -> int:
        """A new connection, on which the broker takes so many at a time: what is owed now?

        All retained states, then what was in flight, then the queue. Returns how many were dropped.
        """
        self._in_flight_limit = max(1, min(self._most_in_flight, in_flight_limit))
        unacknowledged = [entry.message for entry in self._in_flight.values()]
        self._queue.extendleft(message for message in reversed(unacknowledged) if not message.retain)
        self._in_flight.clear()
        self._owed = dict.fromkeys(self._retained)
        return self._trim()

    def send(self, publish: Callable[[Message], int | None], now_s: float) -> None:
        """Publish while there is something to send and room in flight.

        ``publish`` returns the packet identifier, `NEVER` for what this broker does not take (it is left
        out), or None when the connection is gone.
        """
        while len(self._in_flight) < self._in_flight_limit:
            message = self._next()
            if message is None:
                return
            identifier = publish(message)
            if identifier is None:
                return
            if identifier != NEVER:
                self._in_flight[identifier] = _InFlight(message, now_s)
            if message.retain:
                del self._owed[message.topic]
            else:
                self._queue.popleft()

    def acked(self, identifier: int) -> Message | None:
        """The broker has it. None: nothing of ours was in flight by this identifier."""
        entry = self._in_flight.pop(identifier, None)
        if entry is None:
            return None
        if entry.message.retain and not entry.message.payload:
            self._forget(entry.message.topic)
        return entry.message

    def _next(self) -> Message | None:
        for topic in self._owed:
            return Message(topic, self._retained[topic], qos=1, retain=True)
        return self._queue[0] if self._queue else None

    def _forget(self, topic: str) -> None:
        """The broker cleared it: owe it no more, unless there is something newer."""
        newer = topic in self._owed or any(
            entry.message.retain and entry.message.topic == topic for entry in self._in_flight.values()
        )
        if not newer and self._retained.get(topic) == b"":
            del self._retained[topic]

    def _trim(self) -> int:
        dropped = max(0, len(self._queue) - self._queue_limit)
        for _ in range(dropped):
            self._queue.popleft()
        return dropped
