"""What comes from the broker, on its way to the twin or to the commands: one after the other, as it came.

Whoever takes a message acknowledges it once what must outlive a crash is on the disk. The broker sends
no more than a few that are not acknowledged, so what waits here is bounded by it; the bound here is for
a broker that does not keep to that.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter

from edged.control.commands.desk import CommandDesk
from edged.control.twin import Twin
from edged.errors import EdgedError
from edged.mqtt.decoding import decode_object
from edged.mqtt.desired import DesiredRejected, parse_desired
from edged.mqtt.message import Received
from edged.mqtt.topics import CommandTopic, DesiredTopic, Topics

LIMIT = 1000
"""Messages that may wait; a later one is dropped, not acknowledged, and so comes again."""

log = logging.getLogger("edged.inbox")


class Inbox:
    """Used from the loop's thread only; `run` once."""

    def __init__(self, topics: Topics, twin: Twin, desk: CommandDesk) -> None:
        self._topics = topics
        self._twin = twin
        self._desk = desk
        self._waiting: asyncio.Queue[Received] = asyncio.Queue(LIMIT)
        self.refused: Counter[str] = Counter()
        """What was taken for nothing, by reason."""

    def put(self, received: Received) -> None:
        """Take a message from the client; never blocks."""
        try:
            self._waiting.put_nowait(received)
        except asyncio.QueueFull:
            self.refused["full"] += 1

    async def run(self) -> None:
        """Pass on what comes, until cancelled."""
        while True:
            received = await self._waiting.get()
            try:
                await self._pass_on(received)
            except Exception:  # a bug: not acknowledged, the message would end the daemon at each connect
                log.exception("a bug in what was to be done with a message on %s", received.topic)
                self.refused["internal"] += 1
                received.acknowledge()

    async def _pass_on(self, received: Received) -> None:
        match self._topics.parse_inbound(received.topic):
            case DesiredTopic():
                await self._take_desired(received)
            case CommandTopic(op=op):
                await self._desk.receive(received, op)
            case None:
                self.refused["topic"] += 1
                received.acknowledge()

    async def _take_desired(self, received: Received) -> None:
        if not received.payload:  # somebody cleared the topic: nothing is wanted anew
            received.acknowledge()
            return
        try:
            desired = parse_desired(decode_object(received.payload))
        except DesiredRejected as rejected:
            await self._twin.desired_rejected(rejected)
        except EdgedError as malformed:
            self.refused[malformed.code] += 1
            await self._twin.desired_rejected(DesiredRejected.unreadable(malformed))
        else:
            await self._twin.desired(desired)
        received.acknowledge()
