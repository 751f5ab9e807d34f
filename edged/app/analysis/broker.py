"""Results of an analysis on their way to a broker: in order, acknowledged, and few at a time."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import threading
import time
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any
from urllib.parse import unquote, urlsplit

from edged.app.ctl.address import PASSWORD_VARIABLE
from edged.errors import EdgedError
from edged.model.output import Output, OutputKind
from edged.model.prefix import DEFAULT_PREFIX, check_prefix
from edged.mqtt.client import ConnectionState, MqttClient
from edged.mqtt.message import Message, Worth
from edged.mqtt.options import MqttOptions, options_from_url
from edged.mqtt.topics import Topics

_CONNECT_S = 30.0
_PATIENCE_S = 60.0
"""Without an acknowledgement; a broker that restarts is back earlier."""
_AT_MOST = 200
"""Results that are not acknowledged: more are not taken from the child, which waits."""
_LOOK_EVERY_S = 0.02
_NEVER_CAME = (ConnectionState.WAITING, ConnectionState.REFUSED)


@dataclass(frozen=True, slots=True)
class Address:
    """A broker, and what topics on it begin with."""

    options: MqttOptions
    prefix: str


def find_address(url: str) -> Address:
    """Of ``mqtt://user@host:port/prefix``. The password, if it is not in the URL, is in the environment.

    Raises ValueError, saying what would be right and without a password.
    """
    parts = urlsplit(url)
    username = unquote(parts.username) if parts.username else None
    password = unquote(parts.password) if parts.password else os.environ.get(PASSWORD_VARIABLE)
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2])
    websocket = parts.scheme in ("ws", "wss")
    options = options_from_url(
        (bare if websocket else bare._replace(path="")).geturl(),
        device="",
        username=username,
        password=password if username is not None else None,
    )
    prefix = "" if websocket else parts.path.strip("/")
    name = f"edged-analyze-{secrets.token_hex(6)}"
    options = replace(options, client_id=name, keep_session=False, dial_timeout_s=10.0)
    return Address(options, check_prefix(prefix or DEFAULT_PREFIX))


class BrokerOutput:
    """``with`` connects, in a thread of its own, or raises `EdgedError`; the end of it disconnects."""

    def __init__(self, address: Address, device: str) -> None:
        self._topics = Topics(address.prefix, device)
        self._options = address.options
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="mqtt", daemon=True)
        self._client: MqttClient | None = None
        self._running: asyncio.Task[None] | None = None
        self._owed = 0
        """Handed to the client since the start."""
        self._acknowledged = 0
        self._moved_s = 0.0

    def __enter__(self) -> BrokerOutput:
        self._thread.start()
        try:
            self._call(self._connect())
        except BaseException:
            self._end()
            raise
        self._moved_s = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with contextlib.suppress(TimeoutError):
            self._call(self._disconnect(), within_s=5.0)
        self._end()

    @property
    def has_room(self) -> bool:
        """Whether another may come. Raises `EdgedError` when the broker takes none any more."""
        self._look()
        return self._owed - self._acknowledged < _AT_MOST

    @property
    def left(self) -> int:
        """Not acknowledged yet. Raises as `has_room`."""
        self._look()
        return self._owed - self._acknowledged

    def publish(self, output: Output) -> None:
        """Returns at once."""
        event = output.kind is OutputKind.EVENT
        topic = (self._topics.event if event else self._topics.result)(output.job, output.source)
        worth = Worth.EVENT if event else Worth.RESULT
        if not self.left:
            self._moved_s = time.monotonic()
        self._owed += 1
        message = Message(topic, output.payload, qos=1, worth=worth)
        self._loop.call_soon_threadsafe(self._ours.publish, message)

    def wait(self, within_s: float) -> bool:
        """Until all is acknowledged. False: not in time. Raises as `has_room`."""
        until = time.monotonic() + within_s
        while self.left:
            if time.monotonic() > until:
                return False
            time.sleep(_LOOK_EVERY_S)
        return True

    @property
    def _ours(self) -> MqttClient:
        assert self._client is not None, "not connected"  # noqa: S101
        return self._client

    def _look(self) -> None:
        counters = self._ours.counters
        done = counters.published + counters.denied
        if done != self._acknowledged:
            self._acknowledged, self._moved_s = done, time.monotonic()
        if counters.denied:
            raise EdgedError(self._ours.last_error, code="not_allowed")
        if self._owed > done and time.monotonic() - self._moved_s > _PATIENCE_S:
            raise EdgedError(
                f"{self._ours.last_error or self._options.broker + ' acknowledges nothing any more'}; "
                f"{self._owed - done} results did not arrive",
                code="timeout",
            )

    async def _connect(self) -> None:
        changed = asyncio.Event()
        self._client = MqttClient(self._options, will=None, on_state=lambda state: changed.set())
        self._running = asyncio.create_task(self._client.run())
        until = self._loop.time() + _CONNECT_S
        while not self._client.connected and self._client.state not in _NEVER_CAME:
            left_s = until - self._loop.time()
            if left_s <= 0:
                break
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), left_s)
            changed.clear()
        if not self._client.connected:
            raise EdgedError(self._client.last_error or f"{self._options.broker} does not answer")

    async def _disconnect(self) -> None:
        await self._ours.stop()
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    def _call(self, work: Coroutine[Any, Any, None], within_s: float = _CONNECT_S + 5.0) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(within_s)

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5.0)
