"""Brokers that refuse, freeze, vanish and throw out: each a clear word, none a hot loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edged.mqtt.client import ConnectionState
from edged.mqtt.message import Message, Received
from edged.mqtt.protocol import Protocol
from tests.integration.mqtt_rig import (
    LOOP_LIMIT_S,
    STATE,
    LoopWatch,
    Rig,
    listening_to,
    options,
    running,
    until,
)
from tests.servers.mosquitto import HOST, Mosquitto, free_port
from tests.servers.mqtt_peer import Subscriber
from tests.stopwatch import Stopwatch

PASSWORD = "correct-horse"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "broker") as mosquitto:
        yield mosquitto


def test_a_refused_password_is_said_once_and_tried_rarely(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    async def live(port: int) -> list[Rig]:
        rigs = [
            Rig(options(port, username="gate", password="wrong-horse", protocol=protocol))
            for protocol in (Protocol.AUTO, Protocol.V311)
        ]
        async with running(rigs[0]), running(rigs[1]):
            await until(lambda: all(rig.client.state is ConnectionState.REFUSED for rig in rigs))
            await asyncio.sleep(5)  # the time in which a hot loop would show; asserted on below
        return rigs

    with Mosquitto(tmp_path / "broker", users={"gate": PASSWORD}) as mosquitto:
        rigs = asyncio.run(live(mosquitto.port))
        attempts = mosquitto.log.count("New connection from") - 1  # the start's look whether it listens
    assert attempts == len(rigs)
    warnings = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert warnings == [rig.client.last_error for rig in rigs]
    assert all("mqtt.password" in warning for warning in warnings)
    assert "wrong-horse" not in caplog.text + repr(rigs[0].client.options) + rigs[0].client.last_error


def test_the_right_password_is_let_in(tmp_path: Path) -> None:
    async def live(port: int) -> None:
        rig = Rig(options(port, username="gate", password=PASSWORD))
        async with running(rig):
            await rig.until_connected()

    with Mosquitto(tmp_path / "broker", users={"gate": PASSWORD}) as mosquitto:
        asyncio.run(live(mosquitto.port))


def test_without_a_password_where_one_is_wanted_the_keys_are_named(tmp_path: Path) -> None:
    async def live(port: int) -> str:
        rig = Rig(options(port))
        async with running(rig):
            await until(lambda: rig.client.state is ConnectionState.REFUSED)
        return rig.client.last_error

    with Mosquitto(tmp_path / "broker", users={"gate": PASSWORD}) as mosquitto:
        assert "set mqtt.username and mqtt.password" in asyncio.run(live(mosquitto.port))


def test_a_denied_topic_is_counted_and_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rules = ["user gate", "topic readwrite t/allowed"]

    async def live(port: int) -> Rig:
        rig = Rig(options(port, username="gate", password=PASSWORD))
        async with running(rig):
            await rig.until_connected()
            for _ in range(5):
                rig.client.publish(Message("t/denied", b"x", qos=1))
            rig.client.publish(Message("t/allowed", b"x", qos=1))
            await rig.until_acknowledged()
        return rig

    with Mosquitto(tmp_path / "broker", users={"gate": PASSWORD}, acl=rules) as mosquitto:
        rig = asyncio.run(live(mosquitto.port))
    assert rig.client.counters.denied == 5
    assert rig.client.counters.published == 1
    assert "t/denied" in caplog.text
    assert "ACL" in caplog.text
    assert caplog.text.count("does not let this device publish") == 1


def test_a_packet_that_is_too_large_is_left_out_and_the_rest_goes_on(tmp_path: Path) -> None:
    async def live(port: int) -> None:
        rig = Rig(options(port))
        rig.client.retain("t/info", bytes(3000))
        async with running(rig):
            await rig.until_connected()
            for size in (10, 3000, 1900, 2000):
                rig.client.publish(Message("t/event", bytes(size), qos=1))
            assert not rig.client.publish(Message("t/result", bytes(3000)))
            await rig.until_acknowledged()
            assert rig.client.counters.published == 2
            assert rig.client.counters.denied == 4
            assert rig.client.counters.reconnects == 0
            assert "max_packet_size" in rig.client.last_error

    with (
        Mosquitto(tmp_path / "broker", extra=["max_packet_size 2000"]) as mosquitto,
        Subscriber(mosquitto.port) as subscriber,
    ):
        asyncio.run(live(mosquitto.port))
        assert subscriber.wait_for(lambda: len(subscriber.arrivals) == 2)


def test_a_broker_that_stops_acknowledging_is_left_and_nothing_is_lost() -> None:
    """It answers pings, so only the missing acknowledgement tells; no real broker does so on order."""

    async def live() -> None:
        connects, events = 0, []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal connects
            connects += 1
            deaf = connects == 1
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                while True:
                    head, length = await reader.readexactly(2)
                    body = await reader.readexactly(length)
                    if head == 0x10:
                        writer.write(b"\x20\x02\x00\x00")
                    elif head == 0xC0:
                        writer.write(b"\xd0\x00")
                    elif head == 0x32 and not deaf:
                        topic_end = 2 + int.from_bytes(body[:2])
                        events.append(body[topic_end + 2 :])
                        writer.write(b"\x40\x02" + body[topic_end : topic_end + 2])
            writer.close()

        async with await asyncio.start_server(serve, HOST, 0) as server:
            port = server.sockets[0].getsockname()[1]
            rig = Rig(options(port, protocol=Protocol.V311, keepalive_s=1))
            async with running(rig):
                await rig.until_connected()
                for number in range(3):
                    rig.client.publish(Message("t/event", bytes([number]), qos=1))
                await until(lambda: not rig.client.connected)
                assert "acknowledges nothing" in rig.client.last_error
                await until(lambda: len(events) == 3)
                assert events == [b"\0", b"\1", b"\2"]

    asyncio.run(live())


def test_a_frozen_broker_is_noticed_by_keep_alive_and_found_again(broker: Mosquitto) -> None:
    async def live() -> None:
        rig = Rig(options(broker.port, keepalive_s=2, protocol=Protocol.V5))
        rig.client.retain(STATE, b"online")
        async with running(rig), LoopWatch() as watch:
            await rig.until_connected()
            await rig.until_acknowledged()
            with broker.frozen():
                await until(lambda: not rig.client.connected)
                assert "keep-alive" in rig.client.last_error or "fallen silent" in rig.client.last_error
                # it connects to the kernel's queue and gets no answer, again and again, without a block
                await until(lambda: len(rig.times(ConnectionState.CONNECTING)) >= 3)
                assert not rig.client.connected
                assert "does not answer" in rig.client.last_error
            await rig.until_connected()
            await rig.until_acknowledged()
            assert watch.longest_s < LOOP_LIMIT_S

    asyncio.run(live())


def test_publishing_to_a_frozen_broker_is_bounded_and_never_blocks(broker: Mosquitto) -> None:
    picture = b"x" * 100_000

    async def live() -> None:
        rig = Rig(options(broker.port))
        async with running(rig), LoopWatch() as watch:
            await rig.until_connected()
            with broker.frozen():
                accepted = 0
                for _ in range(500):
                    accepted += rig.client.publish(Message("t/snapshot", picture))
                    await asyncio.sleep(0)
                assert rig.client.counters.dropped == 500 - accepted > 0
                assert rig.client.publish(Message("t/small", b"x" * 1000)), "there is room left for results"
                assert accepted * len(picture) < 16_000_000  # the kernel's buffers and our megabyte
            await until(lambda: rig.client.publish(Message("t/result", b"fresh")), 10)
            assert await asyncio.to_thread(
                subscriber.wait_for, lambda: subscriber.latest("t/result") == b"fresh"
            )
            assert subscriber.payloads("t/snapshot") == [picture] * accepted
            assert watch.longest_s < LOOP_LIMIT_S

    with Subscriber(broker.port) as subscriber:
        asyncio.run(live())


def test_a_second_client_with_the_same_id_starts_no_war(
    broker: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    """Mosquitto 2.0 closes without a reason, on MQTT 5 too: both must find out by themselves."""

    async def live() -> list[int]:
        pairs = [
            [Rig(options(broker.port, protocol=version, client_id=f"edged-{version}")) for _ in range(2)]
            for version in (Protocol.V5, Protocol.V311)
        ]
        async with contextlib.AsyncExitStack() as stack:
            for rig in pairs[0] + pairs[1]:
                await stack.enter_async_context(running(rig))
            for version in ("5", "3.1.1"):
                said = f"perhaps another client uses the id 'edged-{version}'"
                await until(lambda said=said: said in caplog.text)
            before = connects(pairs)
            await asyncio.sleep(5)  # the time in which a war would show; asserted on below
            return [now - then for now, then in zip(connects(pairs), before, strict=True)]

    def connects(pairs: list[list[Rig]]) -> list[int]:
        return [sum(len(rig.times(ConnectionState.CONNECTED)) for rig in pair) for pair in pairs]

    assert max(asyncio.run(live())) <= 3


def test_a_broker_that_says_taken_over_is_believed_at_once() -> None:
    async def live() -> None:
        connects = 0

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal connects
            connects += 1
            await reader.read(4096)
            writer.write(b"\x20\x03\x00\x00\x00" + b"\xe0\x02\x8e\x00")
            writer.close()

        async with await asyncio.start_server(serve, HOST, 0) as server:
            rig = Rig(options(server.sockets[0].getsockname()[1]))
            async with running(rig):
                await until(lambda: "another client uses the id" in rig.client.last_error)
                await asyncio.sleep(3)
                assert connects == 1

    asyncio.run(live())


def test_nobody_listening_and_a_host_that_is_not_known() -> None:
    async def live() -> None:
        closed = Rig(options(free_port()))
        unknown = Rig(replace(options(1883), host="no-such-host.invalid"))
        async with running(closed), running(unknown), LoopWatch() as watch:
            await until(lambda: closed.client.state is ConnectionState.WAITING)
            assert "nothing listens on 127.0.0.1" in closed.client.last_error
            await until(lambda: unknown.client.state is ConnectionState.WAITING, 20)
            assert "no-such-host.invalid" in unknown.client.last_error
            assert watch.longest_s < LOOP_LIMIT_S

    asyncio.run(live())


def test_a_black_hole_never_blocks_the_loop_and_stop_does_not_wait_for_it() -> None:
    """A listener whose queue is full: the kernel answers no SYN any more, and connect() hangs."""

    async def live(port: int) -> None:
        rig = Rig(options(port))
        async with LoopWatch() as watch:
            task = asyncio.create_task(rig.client.run())
            await until(lambda: rig.client.state is ConnectionState.WAITING, 15)
            assert "does not answer" in rig.client.last_error
            await until(lambda: len(rig.times(ConnectionState.CONNECTING)) == 2, 15)
            stopping = Stopwatch()
            await rig.client.stop(Message(STATE, b"offline"))
            await task
            assert stopping.is_within(0.5)
            assert watch.longest_s < LOOP_LIMIT_S

    with socket.create_server((HOST, 0), backlog=1) as full:
        address = full.getsockname()
        crowd = [socket.socket() for _ in range(8)]
        try:
            for member in crowd:
                member.setblocking(False)
                member.connect_ex(address)
            asyncio.run(live(address[1]))
        finally:
            for member in crowd:
                member.close()


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x20\x02\x00", b"\xff" * 64])
def test_something_that_is_no_broker_is_told_and_left_alone(answer: bytes) -> None:
    async def live() -> None:
        answered = 0

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal answered
            answered += 1
            await reader.read(1)
            writer.write(answer)
            writer.close()

        async with await asyncio.start_server(serve, HOST, 0) as server:
            rig = Rig(options(server.sockets[0].getsockname()[1]))
            async with running(rig):
                await until(lambda: rig.client.state is ConnectionState.WAITING)
                assert answered == 2  # MQTT 5 and 3.1.1
                assert "closed the connection without an answer" in rig.client.last_error

    asyncio.run(live())


def test_a_callback_that_raises_harms_nobody(broker: Mosquitto, caplog: pytest.LogCaptureFixture) -> None:
    def fail(_message: Received) -> None:
        raise ZeroDivisionError

    async def live() -> None:
        rig = Rig(options(broker.port), on_message=fail, subscribe=listening_to("t/echo"))
        async with running(rig):
            await rig.until_connected()
            await rig.until_acknowledged()
            for _ in range(3):
                rig.client.publish(Message("t/echo", b"x", qos=1))
            await until(lambda: caplog.text.count("a callback failed") == 3)
            assert rig.client.connected

    asyncio.run(live())
