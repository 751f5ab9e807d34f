"""The daemon's place on the broker: connects, comes back for ever, and keeps what is owed meanwhile.

Everything happens in the thread of one asyncio loop. `run` is the only place that retries; `Connection` is
one connection's life; `Window` decides what is sent; `RetryPolicy` and `ProtocolChoice` decide when and how
to come back.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from edged.mqtt.blocking import BlockingCall
from edged.mqtt.complaints import Complaints
from edged.mqtt.connection import Connection
from edged.mqtt.failure import ConnectFailed, Failure, FailureKind, same_id_text
from edged.mqtt.message import Message, Received
from edged.mqtt.options import MqttOptions
from edged.mqtt.outbox import Outbox
from edged.mqtt.packets import Accepted
from edged.mqtt.protocol import Protocol, ProtocolChoice, ProtocolMemory
from edged.mqtt.retry import RetryPolicy
from edged.mqtt.subscription import Subscription
from edged.mqtt.topics import is_publishable
from edged.mqtt.window import NEVER, Window

_TICK_S = 1.0
_GOODBYE_S = 1.0
_STORE_S = 10.0
_REFUSED = 0x80
_PACKET_OVERHEAD_BYTES = 16
"""The most that a PUBLISH adds to topic, payload and correlation data."""
_log = logging.getLogger(__name__)
T = TypeVar("T")


class ConnectionState(StrEnum):
    CONNECTING = "connecting"
    CONNECTED = "connected"
    WAITING = "waiting"
    """For the next attempt."""
    REFUSED = "refused"
    """As WAITING, but only a person can mend it; `MqttClient.last_error` says how."""
    STOPPED = "stopped"
    """Or not started."""


@dataclass(frozen=True, slots=True)
class MqttCounters:
    """Since the start."""

    published: int = 0
    """Written to a socket (QoS 0) or acknowledged (QoS 1)."""
    dropped: int = 0
    """QoS 0 without a connection or with a blocked one; QoS 1 that the outbox gave up."""
    denied: int = 0
    """Messages that the broker acknowledged with a refusal or that are too large for it (both are told
    with MQTT 5 only), or to a topic that nobody may publish to."""
    unasked: int = 0
    """Messages that came unasked and were dropped: a kept session remembers, for instance, the group that
    the device is in no more."""
    reconnects: int = 0
    """Connections after the first."""
    queued: int = 0
    in_flight: int = 0


class MqttClient:
    """Publishes and listens for one device. Used from the loop's thread only; `run` once.

    Whoever gets a message by ``on_message`` acknowledges it; the broker stops sending when too many are not
    acknowledged. One for which ``on_message`` raises is acknowledged, else it would come again for ever.
    """

    def __init__(
        self,
        options: MqttOptions,
        *,
        will: Message | None,
        on_state: Callable[[ConnectionState], None] | None = None,
        on_message: Callable[[Received], None] | None = None,
        subscribe: Sequence[Subscription] = (),
        memory_path: Path | None = None,
        outbox: Outbox | None = None,
    ) -> None:
        self.options = options
        self.state = ConnectionState.STOPPED
        self.last_error = ""
        """Why there is no connection, or what the broker refused, with the mend; empty when all is well."""
        self._will = will
        self._on_state = on_state
        self._on_message = on_message
        self._subscriptions = tuple(subscribe)
        self._memory = ProtocolMemory(memory_path)
        self._choice = ProtocolChoice(options.protocol)
        self._retry = RetryPolicy()
        self._window = Window(outbox)
        self._window.outbox.on_news(self._send)
        self._connection: Connection | None = None
        self._given_up: Connection | None = None
        self._stopping = asyncio.Event()
        self._finished = asyncio.Event()
        self._acknowledged = asyncio.Event()
        self._running = False
        self._leaving = False
        self._largest_bytes = 0
        self._connects = self._published = self._dropped = self._denied = self._unasked = 0
        self._complaints = Complaints(_log)

    @property
    def connected(self) -> bool:
        return self._connection is not None

    @property
    def protocol(self) -> Protocol | None:
        """The version in use. None: not connected."""
        return self._choice.current if self.connected else None

    @property
    def queued(self) -> int:
        """How many messages with QoS 1 wait to be sent."""
        return self._window.depth

    @property
    def counters(self) -> MqttCounters:
        return MqttCounters(
            published=self._published,
            dropped=self._dropped + self._window.outbox.dropped,
            denied=self._denied,
            unasked=self._unasked,
            reconnects=max(0, self._connects - 1),
            queued=self._window.depth,
            in_flight=self._window.in_flight,
        )

    async def run(self) -> None:
        """Connect, and again whenever the connection ends, until `stop` or cancelled."""
        self._running = True
        serving = asyncio.create_task(self._serve())
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if serving.done():
                serving.result()
        finally:
            serving.cancel()
            stopping.cancel()
            await asyncio.gather(serving, stopping, return_exceptions=True)
            self._set_state(ConnectionState.STOPPED)
            self._finished.set()

    async def stop(self, last: Message | None = None) -> None:
        """Publish ``last`` as a retained state, wait up to 1 s for all acknowledgements, say DISCONNECT."""
        self._leaving = True
        if last is not None:
            self.retain(last.topic, last.payload)
        connection = self._connection
        if connection is not None:
            try:
                async with asyncio.timeout(_GOODBYE_S):
                    await self._all_acknowledged(connection)
            except TimeoutError:
                _log.warning("stopped with %d messages not acknowledged", self._window.in_flight)
            await connection.disconnect(_GOODBYE_S / 2)
        self._stopping.set()
        if self._running:
            await self._finished.wait()

    def publish(self, message: Message) -> bool:
        """Send a message that is not a retained state. False: it was dropped (and counted).

        QoS 0 goes out now or never; QoS 1 is kept in the outbox until the broker has it.
        """
        if message.qos == 0:
            if not self._write(message):
                self._dropped += 1
                return False
            self._published += 1
            return True
        self._window.outbox.append(message)
        self._send()
        return True

    @property
    def clearing(self) -> frozenset[str]:
        """Topics that are to be cleared, as far as the broker has not said that it did."""
        return self._window.clearing

    def publish_retained_again(self) -> None:
        """All retained states once more, as at a connect."""
        self._window.owe_retained()
        self._send()

    def retain(self, topic: str, payload: bytes, *, again: bool = False) -> None:
        """The state of ``topic`` from now on: retained, QoS 1, published now and at each connect.

        The topic retained first goes first at each connect. The same payload again is not sent again; an
        empty one clears the topic on the broker.
        """
        if self._window.retain(topic, payload, again=again):
            self._send()

    # ---- what the connection tells ----

    def on_ack(self, identifier: int, code: int, reason: str) -> None:
        message = self._window.acked(identifier)
        if message is None:
            return
        self._acknowledged.set()
        if code < _REFUSED:
            self._published += 1
            return
        self._denied += 1
        self.last_error = (
            f"{self.options.broker} does not let this device publish to {message.topic} ({reason}): "
            "check the broker's access rules (ACL)"
        )
        self._complaints.tell(self.last_error, key=f"denied {reason}")

    def on_refused(self, topic: str, reason: str) -> None:
        self.last_error = (
            f"{self.options.broker} does not let this device subscribe to {topic} ({reason}): "
            "check the broker's access rules (ACL)"
        )
        self._complaints.tell(self.last_error)

    def on_message(self, message: Received) -> None:
        is_wanted = any(subscription.matches(message.topic) for subscription in self._subscriptions)
        self._unasked += not is_wanted
        if not is_wanted or self._on_message is None or not _guarded(self._on_message, message):
            message.acknowledge()

    def on_progress(self) -> None:
        self._send()

    # ---- the life of connections ----

    async def _serve(self) -> None:
        remembered = self._memory.recall(self.options.broker)
        self._choice = ProtocolChoice(self.options.protocol, remembered)
        while True:
            kind, at_once = await self._attempt()
            if self._leaving:
                await self._stopping.wait()
                return
            if at_once:
                continue
            delay_s = self._retry.delay_s(kind)
            _log.debug("next attempt in %.1f s", delay_s)
            refused = kind is FailureKind.REFUSED
            self._set_state(ConnectionState.REFUSED if refused else ConnectionState.WAITING)
            await asyncio.sleep(delay_s)

    async def _attempt(self) -> tuple[FailureKind, bool]:
        """One connection from dialling to its end: why it ended, and whether to try again at once."""
        if self._given_up is not None and self._given_up.dialling:
            return FailureKind.UNREACHABLE, False  # its thread still hangs, say in a name look-up
        self._set_state(ConnectionState.CONNECTING)
        connection = Connection(self.options, self._choice.current, self._will, self, self._subscriptions)
        self._given_up = connection
        try:
            accepted = await connection.open()
        except ConnectFailed as error:
            return error.failure.kind, self._failed(error.failure)
        else:
            started_s = time.monotonic()
            failure = await self._live(connection, accepted)
            self._retry.lived(time.monotonic() - started_s)
            self._ended(failure)
            return failure.kind, False
        finally:
            self._connection = None
            self._acknowledged.set()
            connection.close()

    async def _live(self, connection: Connection, accepted: Accepted) -> Failure:
        self._connects += 1
        self.last_error = ""
        _log.info("connected to %s with MQTT %s", self.options.broker, self._choice.current)
        self._window.begin(accepted.receive_maximum)
        self._largest_bytes = accepted.maximum_packet_bytes
        self._connection = connection
        connection.subscribe()
        self._send()
        self._set_state(ConnectionState.CONNECTED)
        known = self._choice.remembered
        self._choice.worked()
        if self._choice.remembered is not known:
            await self._remember()
        return await self._watch(connection)

    async def _watch(self, connection: Connection) -> Failure:
        assert connection.ended is not None  # noqa: S101 - `open` has set it
        patience_s = 2.0 * self.options.keepalive_s
        while True:
            await asyncio.wait({connection.ended}, timeout=_TICK_S)
            if connection.ended.done():
                return connection.ended.result()
            connection.tick()
            oldest_s = self._window.oldest_sent_s
            if oldest_s is not None and time.monotonic() - oldest_s > patience_s:
                text = f"{self.options.broker} acknowledges nothing any more"
                return Failure(FailureKind.LOST, text)

    def _failed(self, failure: Failure) -> bool:
        """No connection came about. True: the other version of MQTT is worth trying at once."""
        if failure.kind.doubts_version:
            at_once = self._choice.no_answer()
            if at_once:
                _log.debug("%s; trying MQTT %s", failure.message, self._choice.current)
                return True
        self.last_error = failure.message
        self._complaints.tell(failure.message)
        return False

    def _ended(self, failure: Failure) -> None:
        self.last_error = failure.message
        if self._retry.looks_contested and failure.kind is FailureKind.LOST:
            self.last_error = (
                f"{failure.message} right after it was made: perhaps {same_id_text(self.options)}"
            )
        if not self._leaving:
            self._complaints.tell(self.last_error)

    def _send(self) -> None:
        if self._connection is not None:
            self._window.send(self._write, time.monotonic())

    def _write(self, message: Message) -> int | None:
        """The packet identifier, `NEVER` for what this broker does not take, None without a connection.

        A broker closes the connection for such a packet; sent again it would do so for ever.
        """
        if self._connection is None:
            return None
        if not is_publishable(message.topic):
            return self._leave_out(
                f"a message was left out: nobody can publish to {message.topic[:100]!r}", key="topic"
            )
        size = len(message.topic.encode()) + len(message.payload) + len(message.correlation)
        if size + _PACKET_OVERHEAD_BYTES > self._largest_bytes:
            return self._leave_out(
                f"{self.options.broker} takes packets up to {self._largest_bytes} bytes, and one for "
                f"{message.topic} had {size}: raise the broker's limit (Mosquitto: max_packet_size)",
                key="too large",
            )
        return self._connection.publish(message)

    def _leave_out(self, text: str, key: str) -> int:
        self._denied += 1
        self.last_error = text
        self._complaints.tell(text, key)
        return NEVER

    async def _all_acknowledged(self, connection: Connection) -> None:
        while not self._window.idle and self._connection is connection:
            self._acknowledged.clear()
            await self._acknowledged.wait()

    async def _remember(self) -> None:
        broker, protocol = self.options.broker, self._choice.current
        call = BlockingCall(lambda: self._memory.store(broker, protocol), "mqtt-memory")
        try:
            await call.wait(_STORE_S)
        except OSError as error:  # TimeoutError is one
            _log.warning("cannot remember the protocol that works: %s", error)

    def _set_state(self, state: ConnectionState) -> None:
        if state is self.state:
            return
        self.state = state
        if self._on_state is not None:
            _guarded(self._on_state, state)


def _guarded(callback: Callable[[T], None], argument: T) -> bool:
    """A callback's bug is its owner's: it must not end the connection in whose name it was called.

    False: it failed.
    """
    try:
        callback(argument)
    except Exception:  # noqa: BLE001 - logged with its traceback; there is nobody else to tell
        _log.exception("a callback failed")
        return False
    return True
