"""The subscriber: it only notes what comes and when, so that it delays nothing it measures."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace

from edged.app.bench.results import Arrival
from edged.errors import EdgedError
from edged.mqtt.client import ConnectionState, MqttClient
from edged.mqtt.message import Received
from edged.mqtt.options import MqttOptions
from edged.mqtt.subscription import Replay, Subscription

_KEPT = 500_000
_CONNECT_S = 20.0


class Listener:
    """Hears everything below ``root``. `start` and `stop` belong to one event loop."""

    def __init__(self, options: MqttOptions, root: str) -> None:
        self.arrivals: list[Arrival] = []
        """In the order they came; at most half a million, what is newer is dropped and counted."""
        self.dropped = 0
        self.first_results: dict[str, int] = {}
        """By source: the wall time of its first result, in nanoseconds."""
        self._root = root
        self._retained: set[str] = set()
        self._news = asyncio.Event()
        self._client = MqttClient(
            replace(options, client_id=f"{options.client_id}-ears", keep_session=False),
            will=None,
            on_message=self._hear,
            on_state=lambda _: self._news.set(),
            subscribe=(Subscription(f"{root}/#", replay=Replay.ALWAYS),),
        )
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connect and subscribe. Raises `EdgedError` when the broker does not let us within 20 s."""
        self._task = asyncio.create_task(self._client.run())
        connected = await self.until(lambda: self._client.state is ConnectionState.CONNECTED, _CONNECT_S)
        if not connected:
            raise EdgedError(f"no broker: {self._client.last_error or 'it does not answer'}")

    async def stop(self) -> None:
        """Clear what was retained below the root, and disconnect."""
        for topic in sorted(self._retained):
            self._client.retain(topic, b"")
        await self._client.stop()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def until(self, wanted: Callable[[], bool], within_s: float) -> bool:
        """Wait until ``wanted()``; asked again whenever something came. False: it never was."""
        try:
            async with asyncio.timeout(within_s):
                while not wanted():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            return False
        return True

    def _hear(self, message: Received) -> None:
        at_ns = time.time_ns()
        message.acknowledge()
        if len(self.arrivals) >= _KEPT:
            self.dropped += 1
            return
        self.arrivals.append(Arrival(at_ns, message.topic, message.payload))
        if message.topic.endswith("/result"):
            self.first_results.setdefault(message.topic.rsplit("/", 2)[1], at_ns)
        elif message.payload and not message.topic.endswith("/event"):
            self._retained.add(message.topic)
        self._news.set()
