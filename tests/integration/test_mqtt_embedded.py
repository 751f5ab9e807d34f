"""The embedded broker as the process it is, and the client's fall-back to MQTT 3.1.1 on it."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from edged.errors import ChannelClosed
from edged.model.messages import Stop
from edged.mqtt.embedded import BrokerUnavailable, listen
from edged.mqtt.embedded_spec import BrokerReady, BrokerSpec
from edged.mqtt.message import Message
from edged.mqtt.protocol import Protocol
from edged.supervise.spawn import Spawned, spawn
from edged.supervise.wire import Decoder
from tests.integration.mqtt_rig import STATE, Rig, acknowledging, listening_to, options, running, until
from tests.servers.mosquitto import HOST
from tests.servers.mqtt_peer import Subscriber, retained
from tests.stopwatch import HANGS_S, Stopwatch

DECODER = Decoder((BrokerReady,))


@contextmanager
def spawned(spec: BrokerSpec, stderr: Path) -> Iterator[Spawned]:
    pytest.importorskip("amqtt", reason="amqtt is not installed: pip install 'edged[embedded]'")
    with stderr.open("wb") as file:
        child = spawn("edged.mqtt.embedded", "broker", stderr=file.fileno())
    try:
        child.channel.send(spec)
        yield child
    finally:
        child.popen.kill()
        child.popen.wait(10)
        child.release()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[tuple[Spawned, int]]:
    with spawned(BrokerSpec(HOST, 0), tmp_path / "broker.log") as child:
        packet = child.channel.receive(wait_s=20)
        assert packet is not None, (tmp_path / "broker.log").read_text()
        ready = DECODER.decode(packet.body)
        assert isinstance(ready, BrokerReady)
        yield child, ready.port


def test_it_serves_beats_keeps_states_publishes_wills_and_stops(
    broker: tuple[Spawned, int], tmp_path: Path
) -> None:
    child, port = broker

    async def live() -> None:
        rig = Rig(options(port, protocol=Protocol.V311))
        rig.client.retain(STATE, b"online")
        async with running(rig):
            await rig.until_connected()
            for number in range(500):
                rig.client.publish(Message("t/event", str(number).encode(), qos=1))
            await rig.until_acknowledged()
        # cancelled without a goodbye: the socket closes and the will is published

    with Subscriber(port) as subscriber:
        asyncio.run(live())
        assert subscriber.wait_for(lambda: subscriber.latest(STATE) == b"offline")
        assert subscriber.payloads("t/event") == [str(number).encode() for number in range(500)]
    assert retained(port)[STATE] == b"offline"

    now_ns = time.monotonic_ns()
    lane = child.heartbeat.activity(0)
    assert lane.phase == "serve"
    assert now_ns < lane.deadline_ns < now_ns + 15e9
    watch = Stopwatch()
    child.channel.send(Stop())
    assert child.popen.wait(60) == 0
    assert watch.is_within(1.0)
    assert (tmp_path / "broker.log").read_text() == ""


def test_who_is_refused_and_hangs_up_at_once_leaves_no_traceback(
    broker: tuple[Spawned, int], tmp_path: Path
) -> None:
    child, port = broker
    connect = bytes.fromhex("10 13 00 04 4d515454 05 02 003c 00 0006 73746179 6564")
    for _ in range(200):
        with socket.create_connection((HOST, port), HANGS_S) as visitor:
            visitor.sendall(connect)  # MQTT 5, which it does not speak
            visitor.shutdown(socket.SHUT_WR)
            visitor.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            visitor.recv(1)
    child.channel.send(Stop())
    assert child.popen.wait(HANGS_S) == 0
    assert (tmp_path / "broker.log").read_text() == ""


def test_the_client_falls_back_to_311_and_goes_there_straight_the_next_time(
    broker: tuple[Spawned, int], tmp_path: Path
) -> None:
    """amqtt takes an MQTT 5 CONNECT without a word, so the first time costs the answer's timeout."""
    _, port = broker
    memory = tmp_path / "mqtt.json"

    async def connect() -> float:
        rig = Rig(options(port), memory_path=memory)
        before = time.monotonic()
        async with running(rig):
            await rig.until_connected()
            took_s = time.monotonic() - before
            assert rig.client.protocol is Protocol.V311
            await until(memory.exists)
        return took_s

    assert asyncio.run(connect()) >= 2.0
    assert json.loads(memory.read_bytes()) == {f"{HOST}:{port}": "3.1.1"}
    assert asyncio.run(connect()) < 1.0


def test_a_desired_finds_a_device_that_was_away_and_commands_one_that_is_there(
    broker: tuple[Spawned, int],
) -> None:
    _, port = broker

    async def life(send: Sequence[Message], wanted: Sequence[tuple[str, bytes]]) -> None:
        heard: list[tuple[str, bytes]] = []
        rig = Rig(
            options(port, protocol=Protocol.V311),
            on_message=acknowledging(lambda message: heard.append((message.topic, message.payload))),
            subscribe=listening_to("t/desired", "t/cmd/+"),
        )
        async with running(rig):
            await rig.until_connected()
            for message in send:
                rig.client.publish(message)
            # what is retained may come twice: amqtt sends it at the connect and at the subscription
            await until(lambda: list(dict.fromkeys(heard)) == list(wanted))
            await rig.client.stop()

    async def live() -> None:
        orders = [Message("t/cmd/ping", str(number).encode(), qos=1) for number in range(50)]
        commands = [(message.topic, message.payload) for message in orders]
        await life(orders, commands)
        other = Rig(options(port, protocol=Protocol.V311, client_id="fleet"))
        async with running(other):
            other.client.retain("t/desired", b"7")
            await other.until_connected()
            await other.until_acknowledged()
            await other.client.stop()
        await life((), [("t/desired", b"7")])

    asyncio.run(live())


def test_a_port_in_use_is_told_with_the_mend(tmp_path: Path) -> None:
    log = tmp_path / "broker.log"
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        with spawned(BrokerSpec(HOST, port), log) as child:
            assert child.popen.wait(20) == 1
            with pytest.raises(ChannelClosed):
                child.channel.receive(wait_s=5)
    said = log.read_text()
    assert f"cannot listen on {HOST}:{port}: Address already in use" in said
    assert f"mqtt://{HOST}:{port}" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", ""])
def test_only_loopback_is_served(host: str) -> None:
    with pytest.raises(BrokerUnavailable, match=r"loopback|use 127"):
        listen(BrokerSpec(host, 0)).close()


def test_without_amqtt_the_mend_is_named() -> None:
    """In a process of its own where importing amqtt fails, as if it were not installed."""
    program = (
        "import sys; sys.modules['amqtt'] = None\n"
        "from edged.mqtt import embedded\n"
        "try: embedded._broker()\n"
        "except embedded.BrokerUnavailable as error: print(error)"
    )
    said = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True, timeout=30
    )
    assert "pip install 'edged[embedded]'" in said.stdout, said.stderr


def test_when_its_parent_is_gone_it_ends(broker: tuple[Spawned, int]) -> None:
    child, _ = broker
    child.channel.close()
    assert child.popen.wait(HANGS_S) == 0
