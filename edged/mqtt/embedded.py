"""PROCESS: the broker of ``embedded://``, for trying things out and for devices that talk to themselves.

amqtt, which speaks MQTT 3.1.1, on loopback only and for anybody there; nothing is kept over a restart.
Nor is there a session for a client that is away (amqtt 0.12 keeps none for anybody without a user name, and
what it keeps for others it sends as if it were retained): a command finds the device there or is lost; a
desired is retained and finds it later. The listening socket is ours: so the port may be 0, a port in use is
told plainly, and small packets go out at once.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
from typing import TYPE_CHECKING, Any

from edged.errors import EdgedError
from edged.model.messages import Stop
from edged.mqtt.embedded_spec import BrokerReady, BrokerSpec
from edged.supervise.channel import Channel
from edged.supervise.child import serve
from edged.supervise.heartbeat import Heartbeat
from edged.supervise.wire import Decoder

if TYPE_CHECKING:
    from amqtt.broker import Broker

_DECODER = Decoder((BrokerSpec, Stop))
_SPEC_S = 30.0
_BEAT_S = 1.0
_SILENT_S = 10.0
_READY_S = 5.0
_SHUTDOWN_S = 0.3
_LISTENER = "default"
_PLUGINS = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}


class BrokerUnavailable(EdgedError):
    """The embedded broker cannot serve as it is asked to; the text says the mend."""


def run(channel: Channel, heartbeat: Heartbeat) -> None:
    """Serve until `Stop`. Raises `BrokerUnavailable`; `ChannelClosed` when the parent is gone."""
    heartbeat.beat("wait for the address", _SPEC_S + _SILENT_S)
    packet = channel.receive(wait_s=_SPEC_S)
    if packet is None:
        raise BrokerUnavailable("nobody said where to listen")
    spec = _DECODER.decode(packet.body)
    if isinstance(spec, BrokerSpec):
        asyncio.run(_serve(spec, channel, heartbeat))


def listen(spec: BrokerSpec) -> socket.socket:
    """The bound socket. Raises `BrokerUnavailable` for what is not loopback or cannot be had."""
    try:
        found = socket.getaddrinfo(spec.host, spec.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise BrokerUnavailable(f"the host {spec.host} of mqtt.url is not known: use 127.0.0.1") from error
    if not all(ipaddress.ip_address(address[0]).is_loopback for *_, address in found):
        raise BrokerUnavailable(
            f"the embedded broker serves this machine only, and {spec.host} is not loopback: "
            "use embedded://127.0.0.1, or a broker of your own with mqtt://"
        )
    family, kind, protocol, _, address = found[0]
    sock = socket.socket(family, kind, protocol)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # connections inherit it
    try:
        sock.bind(address)
    except OSError as error:
        sock.close()
        raise BrokerUnavailable(
            f"the embedded broker cannot listen on {spec.host}:{spec.port}: {error.strerror}. "
            f"If a broker runs there already, use mqtt://{spec.host}:{spec.port}; "
            "else give embedded:// another port"
        ) from error
    return sock


async def _serve(spec: BrokerSpec, channel: Channel, heartbeat: Heartbeat) -> None:
    heartbeat.beat("start the broker", _SPEC_S)
    sock = listen(spec)
    broker = _broker()
    await broker.start()
    server = await asyncio.start_server(_accept(broker), sock=sock)
    port: int = sock.getsockname()[1]
    channel.send(BrokerReady(port), wait_s=_READY_S)
    try:
        await _until_stopped(channel, heartbeat)
    finally:
        server.close()
        try:
            async with asyncio.timeout(_SHUTDOWN_S):
                await broker.shutdown()
        except TimeoutError:
            logging.getLogger("edged").debug("clients of the embedded broker hang; left behind")


async def _until_stopped(channel: Channel, heartbeat: Heartbeat) -> None:
    """Returns at `Stop`; raises `ChannelClosed`. The beat shows that the loop turns."""
    readable = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(channel.fileno(), readable.set)
    try:
        while True:
            heartbeat.beat("serve", _SILENT_S)
            try:
                await asyncio.wait_for(readable.wait(), _BEAT_S)
            except TimeoutError:
                continue
            readable.clear()
            packet = channel.receive()
            if packet is not None and isinstance(_DECODER.decode(packet.body), Stop):
                return
    finally:
        loop.remove_reader(channel.fileno())


def _broker() -> Broker:
    try:
        from amqtt.broker import Broker
    except ImportError as error:
        raise BrokerUnavailable(
            "embedded:// needs amqtt, which is not installed: pip install 'edged[embedded]', "
            "or set mqtt.url to a broker of your own"
        ) from error
    if not logging.getLogger().isEnabledFor(logging.DEBUG):
        logging.getLogger("amqtt").setLevel(
            logging.CRITICAL
        )  # it tells each connection, as a warning at best
        logging.getLogger("transitions").setLevel(logging.WARNING)
    return Broker({"listeners": {_LISTENER: {"type": "external"}}, "plugins": _PLUGINS})


def _accept(broker: Broker) -> Any:
    from amqtt.adapters import StreamReaderAdapter, StreamWriterAdapter

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await broker.external_connected(
                StreamReaderAdapter(reader), StreamWriterAdapter(writer), _LISTENER
            )
        except OSError:  # one that is refused MQTT 5 may be gone before it is told
            writer.close()

    return accept


if __name__ == "__main__":
    serve(run)
