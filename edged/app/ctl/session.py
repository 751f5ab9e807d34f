"""A connection to the broker for as long as one command lasts. Nothing of it stays behind there."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence
from types import TracebackType

from edged.app.ctl.address import Address
from edged.errors import EdgedError
from edged.mqtt.client import ConnectionState, MqttClient
from edged.mqtt.message import Message, Received
from edged.mqtt.subscription import Replay, Subscription

_CONNECT_S = 30.0
_LOOK_EVERY_S = 0.25
_REMIND_S = 5.0
_REMINDERS = 12
_QUEUE_LIMIT = 10_000
_NEVER_CAME = (ConnectionState.WAITING, ConnectionState.REFUSED)


class Session:
    """``async with`` connects, or raises `EdgedError` that says why not and what would mend it."""

    def __init__(self, address: Address, topics: Sequence[str]) -> None:
        self.dropped = 0
        """Messages that came faster than they were taken; the oldest went."""
        self._address = address
        self._messages: deque[Received] = deque()
        self._changed = asyncio.Event()
        """A message came, or the connection is not as it was."""
        self._request: Message | None = None
        self._client = MqttClient(
            address.options,
            will=None,
            on_state=self._on_state,
            on_message=self._on_message,
            subscribe=[Subscription(topic, replay=Replay.ALWAYS) for topic in topics],
        )
        self._task: asyncio.Task[None] | None = None
        self._reminder: asyncio.TimerHandle | None = None

    @property
    def trouble(self) -> str:
        """Why there is no connection now, or what the broker does not allow; empty when all is well."""
        return self._address.in_words(self._client.last_error)

    async def __aenter__(self) -> Session:
        self._task = asyncio.create_task(self._client.run())
        try:
            async with asyncio.timeout(_CONNECT_S):
                await self._connected()
        except TimeoutError:
            await self._end()
            raise EdgedError(self.trouble or f"{self._address.options.broker} does not answer") from None
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._client.stop()
        await self._end()

    def request(self, topic: str, payload: bytes) -> None:
        """Publish; and again after a lost connection, which may have cost the answer: it carries an id, so
        that it has no second effect.
        """
        self._request = Message(topic, payload, qos=1)
        self._client.publish(self._request)

    def keep(self, topic: str, payload: bytes) -> None:
        """Publish once, retained: over a new connection it might undo what another wrote meanwhile."""
        self._client.publish(Message(topic, payload, qos=1, retain=True))

    async def receive(self, within_s: float | None) -> Received | None:
        """The next message; None: none came in time. Raises `EdgedError` when the broker refuses ours."""
        loop = asyncio.get_running_loop()
        until = None if within_s is None else loop.time() + within_s
        while not self._messages:
            if self._client.counters.denied:
                raise EdgedError(self.trouble, code="not_allowed")
            left_s = _LOOK_EVERY_S if until is None else min(until - loop.time(), _LOOK_EVERY_S)
            if left_s <= 0:
                return None
            self._changed.clear()
            # not wait_for: on Python 3.11 it forgets to be cancelled when a message comes in the same moment
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left_s):
                    await self._changed.wait()
        return self._messages.popleft()

    def _on_message(self, received: Received) -> None:
        received.acknowledge()
        if len(self._messages) >= _QUEUE_LIMIT:
            self._messages.popleft()
            self.dropped += 1
        self._messages.append(received)
        self._changed.set()

    def _on_state(self, state: ConnectionState) -> None:
        self._changed.set()
        if state is ConnectionState.CONNECTED and self._request is not None:
            self._ask_again(_REMINDERS)

    def _ask_again(self, left: int) -> None:
        """A broker that came back without its memory lost it; and the device may not be back yet."""
        if self._request is None or not self._client.connected or not left:
            return
        self._client.publish(self._request)
        if self._reminder is not None:
            self._reminder.cancel()
        self._reminder = asyncio.get_running_loop().call_later(_REMIND_S, self._ask_again, left - 1)

    async def _connected(self) -> None:
        while not self._client.connected:
            await self._changed.wait()
            self._changed.clear()
            if self._client.state in _NEVER_CAME:
                raise EdgedError(self.trouble)

    async def _end(self) -> None:
        if self._reminder is not None:
            self._reminder.cancel()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
