"""What comes from a real broker: kept while away, acknowledged when done, bounded, with its properties."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from paho.mqtt import publish
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edged.mqtt.client import MqttClient
from edged.mqtt.message import Message, Received
from edged.mqtt.options import MqttOptions
from edged.mqtt.packets import LARGEST_PACKET_BYTES
from edged.mqtt.protocol import Protocol
from edged.mqtt.subscription import Replay
from tests.integration.mqtt_rig import Rig, acknowledging, listening_to, options, running, until
from tests.servers.mosquitto import HOST, Mosquitto, make_certificates
from tests.servers.mqtt_peer import Subscriber

COMMANDS = "t/cmd/+"
BOTH = pytest.mark.parametrize("protocol", [Protocol.V5, Protocol.V311])


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "broker") as mosquitto:
        yield mosquitto


def send(port: int, *payloads: bytes, topic: str = "t/cmd/ping", retain: bool = False) -> None:
    """From somebody else, QoS 1."""
    messages = [(topic, payload, 1, retain) for payload in payloads]
    publish.multiple(messages, hostname=HOST, port=port)


def listener(client_options: MqttOptions, hear: Callable[[Received], None], replay: Replay) -> Rig:
    return Rig(client_options, on_message=hear, subscribe=listening_to(COMMANDS, replay=replay))


async def heard_while(
    client_options: MqttOptions,
    hear: Callable[[list[Received]], Callable[[Received], None]] = lambda heard: acknowledging(heard.append),
    replay: Replay = Replay.NEW_ONLY,
    act: Callable[[MqttClient], Awaitable[None]] | None = None,
) -> list[Received]:
    """All that one life of a client hears up to a mark it sends itself; what was kept comes before it."""
    heard: list[Received] = []
    rig = listener(client_options, hear(heard), replay)
    async with running(rig):
        await rig.until_connected()
        if act is not None:
            await act(rig.client)
        rig.client.publish(Message("t/cmd/mark", b"mark", qos=1))
        await until(lambda: any(message.topic == "t/cmd/mark" for message in heard))
        await rig.client.stop()
    return [message for message in heard if message.topic != "t/cmd/mark"]


@BOTH
def test_what_is_sent_while_the_client_is_away_arrives_at_its_next_start(
    broker: Mosquitto, protocol: Protocol
) -> None:
    wanted = options(broker.port, protocol=protocol)

    async def live() -> None:
        assert await heard_while(wanted) == []
        await asyncio.to_thread(send, broker.port, b"1", b"2", b"3")
        assert [message.payload for message in await heard_while(wanted)] == [b"1", b"2", b"3"]
        assert await heard_while(wanted) == []

    asyncio.run(live())


@BOTH
def test_a_client_that_keeps_no_session_leaves_nothing_behind(broker: Mosquitto, protocol: Protocol) -> None:
    wanted = options(broker.port, protocol=protocol, keep_session=False)

    async def live() -> None:
        assert await heard_while(wanted) == []
        await asyncio.to_thread(send, broker.port, b"1")
        assert await heard_while(wanted) == []

    asyncio.run(live())


@BOTH
def test_what_was_not_acknowledged_comes_again_after_a_crash(broker: Mosquitto, protocol: Protocol) -> None:
    wanted = options(broker.port, protocol=protocol)

    async def crash() -> None:
        heard: list[Received] = []
        rig = listener(wanted, heard.append, Replay.NEW_ONLY)
        async with running(rig):
            await rig.until_connected()
            await asyncio.to_thread(send, broker.port, b"done", b"not done")
            await until(lambda: len(heard) == 2)
            heard[0].acknowledge()
            rig.client.publish(Message("t/any", b"", qos=1))  # written behind the acknowledgement
            await rig.until_acknowledged()

    async def live() -> None:
        assert await heard_while(wanted) == []
        await crash()
        again = await heard_while(wanted)
        assert [(message.payload, message.duplicate) for message in again] == [(b"not done", True)]
        assert await heard_while(wanted) == []

    asyncio.run(live())


@BOTH
def test_who_never_acknowledges_is_sent_a_few_and_can_still_publish(
    broker: Mosquitto, protocol: Protocol
) -> None:
    sent = [str(number).encode() for number in range(100)]

    async def live() -> None:
        heard: list[Received] = []
        rig = listener(options(broker.port, protocol=protocol), heard.append, Replay.NEW_ONLY)
        async with running(rig):
            await rig.until_connected()
            await asyncio.to_thread(send, broker.port, *sent)
            await until(lambda: len(heard) >= 20)
            for number in range(300):
                rig.client.publish(Message("t/event", str(number).encode(), qos=1))
            await rig.until_acknowledged()
            assert len(heard) <= 32
            for number in range(len(sent)):
                await until(lambda sofar=number: len(heard) > sofar)
                heard[number].acknowledge()
            assert [message.payload for message in heard] == sent

    asyncio.run(live())


def test_an_acknowledgement_counts_once_and_only_on_its_connection(broker: Mosquitto) -> None:
    """The broker gives the identifier to the next message: acknowledged twice, that one would be lost."""
    wanted = options(broker.port)

    async def live() -> None:
        first: list[Received] = []
        rig = listener(wanted, first.append, Replay.NEW_ONLY)
        async with running(rig):
            await rig.until_connected()
            await asyncio.to_thread(send, broker.port, b"1")
            await until(lambda: len(first) == 1)
            first[0].acknowledge()
            await asyncio.to_thread(send, broker.port, b"2")
            await until(lambda: len(first) == 2)
            for message in first[:1] * 3:
                message.acknowledge()
        second: list[Received] = []
        rig = listener(wanted, second.append, Replay.NEW_ONLY)
        async with running(rig):
            await until(lambda: len(second) == 1)
            first[1].acknowledge()  # a crash later: of a connection that is no more
        assert [message.payload for message in await heard_while(wanted)] == [b"2"]

    asyncio.run(live())


def test_a_retained_command_is_seen_once_a_session_and_known_for_what_it_is(broker: Mosquitto) -> None:
    wanted = options(broker.port, protocol=Protocol.V5)

    async def keep_one(_client: MqttClient) -> None:
        await asyncio.to_thread(send, broker.port, b"live", topic="t/cmd/reboot", retain=True)

    async def live() -> None:
        send(broker.port, b"old", retain=True)
        seen = await heard_while(wanted)
        assert [(message.payload, message.retain) for message in seen] == [(b"old", True)]
        seen = await heard_while(wanted, act=keep_one)
        assert [(message.payload, message.retain) for message in seen] == [(b"live", True)]
        assert await heard_while(wanted) == []
        always = await heard_while(wanted, replay=Replay.ALWAYS)
        assert sorted(message.payload for message in always) == [b"live", b"old"]

    asyncio.run(live())


def test_on_311_what_is_retained_comes_at_each_connect(broker: Mosquitto) -> None:
    wanted = options(broker.port, protocol=Protocol.V311)

    async def live() -> None:
        send(broker.port, b"old", retain=True)
        for _ in range(2):
            seen = await heard_while(wanted)
            assert [(message.payload, message.retain) for message in seen] == [(b"old", True)]

    asyncio.run(live())


def test_a_request_says_where_its_answer_goes_and_the_answer_which_request_it_is_for(
    broker: Mosquitto,
) -> None:
    properties: Properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.ResponseTopic = "t/cmd/answer"
    properties.CorrelationData = b"\x00\xff 17"

    def ask() -> None:
        client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        client.connect(HOST, broker.port)
        client.loop_start()
        client.publish("t/cmd/ping", b"{}", qos=1, properties=properties).wait_for_publish(10)
        client.disconnect()
        client.loop_stop()

    async def live() -> None:
        heard: list[Received] = []
        rig = listener(options(broker.port), acknowledging(heard.append), Replay.NEW_ONLY)
        async with running(rig):
            await rig.until_connected()
            await asyncio.to_thread(ask)
            await until(lambda: len(heard) == 1)
            request = heard[0]
            assert (request.response_topic, request.correlation) == ("t/cmd/answer", b"\x00\xff 17")
            rig.client.publish(
                Message(request.response_topic, b"pong", qos=1, correlation=request.correlation)
            )
            await until(lambda: len(heard) == 2)
            assert heard[1].correlation == b"\x00\xff 17"

    asyncio.run(live())


def test_on_311_an_answer_goes_without_its_correlation(broker: Mosquitto) -> None:
    async def live() -> None:
        rig = Rig(options(broker.port, protocol=Protocol.V311))
        async with running(rig):
            await rig.until_connected()
            rig.client.publish(Message("t/answer", b"pong", qos=1, correlation=b"17"))
            await rig.until_acknowledged()

    with Subscriber(broker.port) as subscriber:
        asyncio.run(live())
        assert subscriber.wait_for(lambda: subscriber.payloads("t/answer") == [b"pong"])


def test_what_a_kept_session_still_listens_to_and_the_client_does_not_is_dropped(broker: Mosquitto) -> None:
    """A device that was taken out of a group obeys it no more."""

    async def life(*topics: str) -> tuple[list[str], int]:
        heard: list[str] = []
        rig = Rig(
            options(broker.port),
            on_message=acknowledging(lambda message: heard.append(message.topic)),
            subscribe=listening_to(*topics),
        )
        async with running(rig):
            await rig.until_connected()
            rig.client.publish(Message("t/@site-a/cmd/ping", b"", qos=1))
            rig.client.publish(Message("t/cmd/ping", b"", qos=1))
            await until(lambda: "t/cmd/ping" in heard)
        return heard, rig.client.counters.unasked

    async def live() -> None:
        assert await life("t/@site-a/cmd/+", COMMANDS) == (["t/@site-a/cmd/ping", "t/cmd/ping"], 0)
        assert await life(COMMANDS) == (["t/cmd/ping"], 1)

    asyncio.run(live())


@BOTH
def test_a_message_that_the_callback_chokes_on_does_not_come_for_ever(
    broker: Mosquitto, protocol: Protocol
) -> None:
    wanted = options(broker.port, protocol=protocol)

    def choking(heard: list[Received]) -> Callable[[Received], None]:
        def hear(message: Received) -> None:
            heard.append(message)
            raise ZeroDivisionError

        return hear

    async def live() -> None:
        await heard_while(wanted)
        send(broker.port, b"poison")
        assert len(await heard_while(wanted, choking)) == 1
        assert await heard_while(wanted) == []

    asyncio.run(live())


@BOTH
def test_a_giant_is_cut_or_withheld_and_what_follows_arrives(broker: Mosquitto, protocol: Protocol) -> None:
    """On MQTT 5 the broker knows the largest packet that is wanted; on 3.1.1 its beginning is taken."""
    giant = bytes(LARGEST_PACKET_BYTES + 1_000_000)

    async def live() -> None:
        heard: list[Received] = []
        wanted = options(broker.port, protocol=protocol, payload_limit_bytes=1000)
        rig = listener(wanted, acknowledging(heard.append), Replay.NEW_ONLY)
        async with running(rig):
            await rig.until_connected()
            await asyncio.to_thread(send, broker.port, giant, bytes(2000), b"after")
            await until(lambda: bool(heard) and heard[-1].payload == b"after")
            assert rig.client.counters.reconnects == 0
        sizes = [len(message.payload) for message in heard]
        assert sizes == ([1000, 5] if protocol is Protocol.V5 else [1000, 1000, 5])

    asyncio.run(live())


@pytest.mark.parametrize("secure", [False, True])
def test_a_storm_of_commands_leaves_the_loop_to_others(tmp_path: Path, secure: bool) -> None:
    """However fast they come, and however many TLS unpacks at once: a few are taken in a turn of the loop.

    Mosquitto makes a TLS record of each message; one that packs hundreds into a record is played here.
    """
    count, most_in_a_turn = 10_000, 32
    storm = (b"\x30\x0e" + b"\x00\x0at/cmd/ping" + b"{}") * count
    certificates = make_certificates(tmp_path) if secure else None
    taken: list[int] = []
    turn = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"\x20\x02\x00\x00" + storm)
        with contextlib.suppress(ConnectionError):
            while await reader.read(1000):
                pass
        writer.close()

    async def count_turns() -> None:
        nonlocal turn
        while True:
            turn += 1
            await asyncio.sleep(0)

    async def live() -> None:
        context = None
        if certificates is not None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(certificates.server_cert, certificates.server_key)
        async with await asyncio.start_server(serve, HOST, 0, ssl=context) as server:
            port, ca = server.sockets[0].getsockname()[1], certificates and certificates.ca
            wanted = options(port, protocol=Protocol.V311, tls=secure, ca=ca)
            rig = listener(wanted, lambda _message: taken.append(turn), Replay.NEW_ONLY)
            counting = asyncio.create_task(count_turns())
            async with running(rig):
                await until(lambda: len(taken) == count, 30)
            counting.cancel()

    asyncio.run(live())
    assert max(Counter(taken).values()) <= most_in_a_turn


@pytest.mark.parametrize(
    ("protocol", "connack", "suback"),
    [
        (Protocol.V311, b"\x20\x02\x00\x00", b"\x90\x05%s\x01\x80\x01"),
        (Protocol.V5, b"\x20\x03\x00\x00\x00", b"\x90\x0c%s\x06\x1f\x00\x03no!\x01\x87\x01"),
    ],
)
def test_a_subscription_that_is_refused_is_told_with_the_mend(
    protocol: Protocol, connack: bytes, suback: bytes
) -> None:
    """Mosquitto says yes and sends nothing, so a broker that refuses is played here."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head, length = await reader.readexactly(2)
                body = await reader.readexactly(length)
                if head == 0x10:
                    writer.write(connack)
                elif head == 0x82:
                    writer.write(suback % body[:2])
        writer.close()

    async def live() -> None:
        async with await asyncio.start_server(serve, HOST, 0) as server:
            wanted = options(server.sockets[0].getsockname()[1], protocol=protocol)
            rig = Rig(wanted, subscribe=listening_to("t/desired", "t/cmd/+", "t/@all/cmd/+"))
            async with running(rig):
                await until(lambda: bool(rig.client.last_error))
                assert rig.client.connected
                assert "subscribe to t/cmd/+" in rig.client.last_error
                assert "ACL" in rig.client.last_error
                assert protocol is Protocol.V311 or "no!" in rig.client.last_error

    asyncio.run(live())


def test_a_topic_that_nobody_can_publish_to_is_left_out_and_the_rest_goes_on(broker: Mosquitto) -> None:
    async def live() -> None:
        rig = Rig(options(broker.port))
        async with running(rig):
            await rig.until_connected()
            for topic in ("", "a/+", "a\0b", "a\x01b", "a\ud800b", "\ufffe", "x" * 70_000):
                rig.client.publish(Message(topic, b"", qos=1))
            rig.client.publish(Message("t/event", b"fine", qos=1))
            await rig.until_acknowledged()
            assert (rig.client.counters.denied, rig.client.counters.published) == (7, 1)
            assert rig.client.counters.reconnects == 0

    asyncio.run(live())
