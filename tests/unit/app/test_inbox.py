"""What comes from the broker on its way, when somebody on it stumbles."""

from __future__ import annotations

import asyncio
import json
from typing import cast

import pytest

from edged.app.inbox import Inbox
from edged.control.commands.desk import CommandDesk
from edged.control.twin import Twin
from edged.model.twin import Desired
from edged.mqtt.message import Received
from edged.mqtt.topics import Topics

TOPICS = Topics("edged/v1", "box")
DESIRED = json.dumps({"revision": 1, "spec": {}}).encode()


class Stumbling:
    """In the place of the twin and the desk: has a bug, the first time."""

    def __init__(self) -> None:
        self.took: list[object] = []
        self._stumbles = True

    async def desired(self, desired: Desired) -> None:
        self._take(desired)

    async def receive(self, received: Received, op: str) -> None:
        self._take(op)
        received.acknowledge()

    def _take(self, what: object) -> None:
        if self._stumbles:
            self._stumbles = False
            raise RuntimeError("nobody thought of this")
        self.took.append(what)


@pytest.mark.parametrize(("topic", "payload"), [(TOPICS.desired, DESIRED), (f"{TOPICS.root}/cmd/ping", b"")])
def test_a_message_that_meets_a_bug_does_not_come_again_for_ever(topic: str, payload: bytes) -> None:
    """Not acknowledged, it would come at each connect, and end a daemon that it ended once."""

    async def scenario() -> None:
        taker, acknowledged = Stumbling(), asyncio.Semaphore(0)
        inbox = Inbox(TOPICS, cast("Twin", taker), cast("CommandDesk", taker))
        running = asyncio.create_task(inbox.run())
        for _ in range(2):
            inbox.put(Received(topic, payload, acknowledge=acknowledged.release))
            await acknowledged.acquire()
        assert len(taker.took) == 1, "the next one goes its way"
        assert inbox.refused == {"internal": 1}
        running.cancel()

    asyncio.run(asyncio.wait_for(scenario(), 10))
