"""One connection to the broker, from dialling to its end. Beside `edged.mqtt.packets` it alone imports paho.

Each attempt has a paho client of its own: paho keeps unacknowledged messages over a reconnect and sends
them all at once, and a dial that hangs must be forgettable. Dialling blocks and happens in a thread;
afterwards everything happens in the loop's thread: the loop watches the socket, `publish` writes to it at
once, and paho has no thread of its own.

paho's ``on_socket_register_write`` stays unset on purpose: with it, paho leaves every write to the loop's
next round. Whether something is left to write is asked after each call instead (`_settle`).
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edged.mqtt import failure as failures
from edged.mqtt import packets
from edged.mqtt import protocol as protocols
from edged.mqtt.blocking import BlockingCall
from edged.mqtt.complaints import LastError
from edged.mqtt.failure import ConnectFailed, Failure, FailureKind
from edged.mqtt.message import Message, Received
from edged.mqtt.options import MqttOptions
from edged.mqtt.packets import Accepted
from edged.mqtt.sockets import has_pending, make_ready
from edged.mqtt.subscription import Subscription
from edged.mqtt.tls import tls_context

BACKLOG_LIMIT_BYTES = 1024 * 1024
"""What may wait in this process for a socket that takes no more; QoS 0 beyond it is dropped."""
_LARGE_BYTES = 16 * 1024
"""QoS 0 from here on, which is pictures, may use a quarter of that: results fit beside it."""
_READ_ROUNDS = 16
"""Packets that TLS or a websocket holds and that are read in one turn of the loop (a few more with messages
in flight); the others that use the loop have theirs before the next ones."""
_log = logging.getLogger(__name__)


class Listener(Protocol):
    """What a connection tells, always in the loop's thread and never from within `Connection.publish`."""

    def on_ack(self, identifier: int, code: int, reason: str) -> None:
        """A message with QoS 1 is done; codes from 0x80 on: the broker refused it."""

    def on_refused(self, topic: str, reason: str) -> None:
        """The broker does not let us subscribe to it."""

    def on_message(self, message: Received) -> None: ...

    def on_progress(self) -> None:
        """Something was read: there may be room for more."""


class Connection:
    """Used once. `open`, then `publish` and `tick` until `ended` is done, then `close`."""

    def __init__(
        self,
        options: MqttOptions,
        version: protocols.Protocol,
        will: Message | None,
        listener: Listener,
        subscriptions: Sequence[Subscription] = (),
    ) -> None:
        self._options = options
        self._listener = listener
        self._version = version
        self._subscriptions = tuple(subscriptions)
        keep_session = options.keep_session and bool(subscriptions)
        self._client = packets.new_client(options, version, keep_session=keep_session)
        self._will = will
        self._errors = LastError(_log)
        self._dial_call: BlockingCall[None] = BlockingCall(self._dial, "mqtt-dial")
        self._lock = threading.Lock()
        self._given_up = False
        self._dialled = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._fd = -1
        self._writing = False
        self._backlog_bytes = 0
        self._reading = False
        self._reads_on = False
        self._accepted: asyncio.Future[Accepted] | None = None
        self.ended: asyncio.Future[Failure] | None = None
        """Set by `open`; done when the connection is over."""

    @property
    def dialling(self) -> bool:
        """Its thread is at work, perhaps long after it was given up."""
        return self._dial_call.running

    async def open(self) -> Accepted:
        """Dial and wait for the broker to let us in. Raises `ConnectFailed`."""
        self._loop = asyncio.get_running_loop()
        self._accepted = self._loop.create_future()
        self.ended = self._loop.create_future()
        try:
            await self._dial_call.wait(self._options.dial_timeout_s)
        except Exception as error:
            self.close()
            raise ConnectFailed(failures.dial_failure(error, self._options)) from error
        self._watch_socket()
        either: set[asyncio.Future[Any]] = {self._accepted, self.ended}
        await asyncio.wait(
            either, timeout=self._options.answer_timeout_s, return_when=asyncio.FIRST_COMPLETED
        )
        if self._accepted.done():
            return self._accepted.result()
        failure = self.ended.result() if self.ended.done() else failures.silence(self._options)
        self.close()
        raise ConnectFailed(failure)

    def publish(self, message: Message) -> int | None:
        """Write it to the socket at once. Returns the packet identifier.

        None: the connection is over, or QoS 0 and the socket takes no more.
        """
        if self._client.socket() is None:
            return None
        if self._client.want_write():
            is_large = len(message.payload) >= _LARGE_BYTES
            limit_bytes = BACKLOG_LIMIT_BYTES // 4 if is_large else BACKLOG_LIMIT_BYTES
            if message.qos == 0 and self._backlog_bytes >= limit_bytes:
                return None
        else:
            self._backlog_bytes = 0
        self._backlog_bytes += len(message.payload)
        try:
            properties = packets.publish_properties(message) if self._is_v5 else None
            info = self._client.publish(
                message.topic, message.payload, message.qos, message.retain, properties
            )
        except OSError as error:
            self._end(failures.dial_failure(error, self._options))
            return None
        self._settle()
        return info.mid if info.rc == MQTTErrorCode.MQTT_ERR_SUCCESS else None

    def subscribe(self) -> None:
        """Ask for the subscriptions, QoS 1, whether or not the broker still has them."""
        if not self._subscriptions:
            return
        topics = packets.subscribe_topics(self._subscriptions, self._version)
        self._guarded(lambda: self._client.subscribe(topics))
        self._settle()

    def tick(self) -> None:
        """Keep-alive, and what TLS may hold back; call about every second."""
        self._guarded(self._client.loop_misc)
        self._on_readable()

    async def disconnect(self, within_s: float) -> None:
        """Say DISCONNECT, so that the broker forgets the will, and wait until it is written."""
        if self.ended is None or self._client.socket() is None:
            return
        self._guarded(self._client.disconnect)
        self._settle()
        await asyncio.wait({self.ended}, timeout=within_s)

    def close(self) -> None:
        """Let go of the socket, without a word if there is still one (so the will is published)."""
        with self._lock:
            self._given_up = True
            dialled = self._dialled
        self._unwatch_socket()
        sock = self._client.socket()
        if sock is not None and dialled:  # else the dialling thread closes it, whenever it comes back
            sock.close()
        if self.ended is not None and not self.ended.done():
            self.ended.set_result(Failure(FailureKind.LOST, "closed"))

    # ---- in the dialling thread ----

    def _dial(self) -> None:
        client, options = self._client, self._options
        self._prepare(client)
        if options.tls:
            client.tls_set_context(tls_context(options))
        client.reconnect()
        with self._lock:
            self._dialled = True
            sock = client.socket()
            if self._given_up and sock is not None:
                sock.close()

    def _prepare(self, client: Client) -> None:
        options = self._options
        client.enable_logger(self._errors.logger)
        client.on_socket_open = _on_socket_open
        client.on_socket_close = self._on_socket_close
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        if options.username is not None:
            client.username_pw_set(options.username, options.password)
        if options.transport == "websockets":
            client.ws_set_options(path=options.path)
        if self._will is not None:
            will = self._will
            properties = packets.will_properties(options) if self._is_v5 else None
            client.will_set(will.topic, will.payload, will.qos, will.retain, properties)
        client.connect_timeout = min(10.0, options.dial_timeout_s)
        client.connect_async(
            options.host,
            options.port,
            options.keepalive_s,
            clean_start=not options.keep_session,  # of MQTT 5; the client's constructor knows 3.1.1's
            properties=packets.connect_properties(options) if self._is_v5 else None,
        )

    # ---- in the loop's thread ----

    @property
    def _is_v5(self) -> bool:
        return self._version is protocols.Protocol.V5

    def _watch_socket(self) -> None:
        sock = self._client.socket()
        if sock is None or self._loop is None:
            self._end(failures.unanswered(self._errors.last, self._options))
            return
        self._fd = sock.fileno()
        self._loop.add_reader(self._fd, self._on_readable)
        self._reading = True
        self._on_readable()  # TLS may hold what the kernel no longer has
        self._settle()

    def _unwatch_socket(self) -> None:
        if self._loop is None or not self._reading:
            return
        self._reading = False
        self._loop.remove_reader(self._fd)
        if self._writing:
            self._writing = False
            self._loop.remove_writer(self._fd)

    def _settle(self) -> None:
        """Let the loop watch for room in the socket exactly while paho has something left to write."""
        if self._loop is None or not self._reading:
            return
        wanted = self._client.want_write()
        if wanted and not self._writing:
            self._loop.add_writer(self._fd, self._on_writable)
        elif self._writing and not wanted:
            self._loop.remove_writer(self._fd)
        self._writing = wanted

    def _on_writable(self) -> None:
        self._guarded(self._client.loop_write)
        self._settle()

    def _on_readable(self) -> None:
        for _ in range(_READ_ROUNDS):
            if not self._reading:
                return
            self._guarded(self._client.loop_read)
            packets.bound_packet(self._client)
            if not has_pending(self._client.socket()):
                break
        else:
            self._read_on()
        self._settle()
        self._listener.on_progress()

    def _read_on(self) -> None:
        """In the loop's next turn. Asked for once at a time: else each readable turn of a storm would add
        another chain of turns, all of which read in every turn."""
        if self._loop is not None and not self._reads_on:
            self._reads_on = True
            self._loop.call_soon(self._on_read_on)

    def _on_read_on(self) -> None:
        self._reads_on = False
        self._on_readable()

    def _guarded(self, call: Callable[[], object]) -> None:
        """paho raises whatever its parsers trip over; this connection is over then, the loop lives on."""
        try:
            call()
        except Exception as error:  # noqa: BLE001 - whatever it is, it ends one connection and no more
            _log.exception("the connection to %s is given up", self._options.broker)
            self._end(failures.dial_failure(error, self._options))

    def _end(self, failure: Failure) -> None:
        self._unwatch_socket()
        if self.ended is not None and not self.ended.done():
            self.ended.set_result(failure)

    # ---- paho's callbacks; in the loop's thread, but for those of the dialling ----

    def _on_connect(
        self,
        _client: Client,
        _data: Any,
        flags: ConnectFlags,
        code: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if self._accepted is None or self._accepted.done():
            return
        if code.is_failure:
            self._end(failures.connack_failure(code.value, str(code), self._options))
            return
        self._accepted.set_result(packets.accepted(properties))

    def _on_disconnect(
        self,
        _client: Client,
        _data: Any,
        flags: DisconnectFlags,
        code: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if not self._reading and self._fd < 0:
            return  # still in the dialling thread: `_watch_socket` will find no socket
        if self._accepted is not None and not self._accepted.done():
            self._end(failures.unanswered(self._errors.last, self._options))
            return
        from_broker = flags.is_disconnect_packet_from_server
        self._end(
            failures.disconnect_failure(code.value, str(code), from_broker=from_broker, options=self._options)
        )

    def _on_publish(
        self, _client: Client, _data: Any, identifier: int, code: ReasonCode, _properties: Properties | None
    ) -> None:
        self._listener.on_ack(identifier, code.value, str(code))

    def _on_subscribe(
        self,
        _client: Client,
        _data: Any,
        _identifier: int,
        codes: list[ReasonCode],
        properties: Properties | None,
    ) -> None:
        for topic, reason in packets.refusals(self._subscriptions, codes, properties):
            self._listener.on_refused(topic, reason)

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        acknowledge = self._acknowledging(message.mid, message.qos)
        limit_bytes = self._options.payload_limit_bytes
        try:
            received = packets.received(message, acknowledge, limit_bytes=limit_bytes)
        except UnicodeDecodeError:  # nothing that we asked for; left alone it would come again for ever
            acknowledge()
        else:
            self._listener.on_message(received)

    def _acknowledging(self, identifier: int, qos: int) -> Callable[[], None]:
        """To be called when a message is done with, at any time: only the first time counts, since the
        broker gives the identifier to another message then, and only on this connection."""
        owed = qos > 0

        def acknowledge() -> None:
            nonlocal owed
            if not owed or not self._reading:
                return
            owed = False
            self._guarded(lambda: self._client.ack(identifier, qos))
            self._settle()

        return acknowledge

    def _on_socket_close(self, _client: Client, _data: Any, _sock: Any) -> None:
        self._unwatch_socket()


def _on_socket_open(_client: Client, _data: Any, sock: Any) -> None:
    make_ready(sock)
