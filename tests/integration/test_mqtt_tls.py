"""TLS, mutual TLS and websockets, each with a real Mosquitto and certificates made for the run."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edged.mqtt.client import ConnectionState
from edged.mqtt.message import Message, Received
from edged.mqtt.options import MqttOptions, options_from_url
from edged.mqtt.protocol import Protocol
from tests.integration.mqtt_rig import (
    LOOP_LIMIT_S,
    STATE,
    LoopWatch,
    Rig,
    acknowledging,
    listening_to,
    options,
    running,
    until,
)
from tests.servers.mosquitto import Certificates, Mosquitto, make_certificates


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


def secure(port: int, scheme: str = "mqtts", host: str = "localhost", **extra: Any) -> MqttOptions:
    base = options_from_url(f"{scheme}://{host}:{port}", device="gate", **extra)
    return replace(base, answer_timeout_s=2.0, dial_timeout_s=5.0)


def refusal(client_options: MqttOptions) -> str:
    """What is said after the first attempt, which must not succeed and must not be repeated soon."""

    async def live() -> str:
        rig = Rig(client_options)
        async with running(rig):
            await until(lambda: rig.client.state in (ConnectionState.REFUSED, ConnectionState.WAITING))
            assert rig.client.state is ConnectionState.REFUSED, rig.client.last_error
        return rig.client.last_error

    return asyncio.run(live())


def first_error(client_options: MqttOptions) -> str:
    """What is said first, whether it is tried again soon or not."""

    async def live() -> str:
        rig = Rig(client_options)
        async with running(rig):
            await until(lambda: bool(rig.client.last_error))
        return rig.client.last_error

    return asyncio.run(live())


def echoes(client_options: MqttOptions) -> None:
    """Connects, publishes, and hears itself, all in order and without blocking the loop."""
    heard: list[Received] = []
    events = [str(number).encode() for number in range(200)]

    async def live() -> None:
        hear = acknowledging(heard.append)
        rig = Rig(client_options, on_message=hear, subscribe=listening_to("t/event"))
        rig.client.retain(STATE, b"online")
        async with running(rig), LoopWatch() as watch:
            await rig.until_connected()
            for payload in events:
                rig.client.publish(Message("t/event", payload, qos=1))
            rig.client.publish(Message("t/picture", bytes(1_000_000), qos=1))
            await rig.until_acknowledged()
            await until(lambda: len(heard) == len(events))
            assert watch.longest_s < LOOP_LIMIT_S

    asyncio.run(live())
    assert [message.payload for message in heard] == events


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_tls(tmp_path: Path, certificates: Certificates, protocol: str) -> None:
    with Mosquitto(tmp_path / "broker", tls=certificates) as broker:
        echoes(secure(broker.port, ca=certificates.ca, protocol=protocol))


def test_mutual_tls(tmp_path: Path, certificates: Certificates) -> None:
    own = {"cert": certificates.client_cert, "key": certificates.client_key}
    with Mosquitto(tmp_path / "broker", tls=certificates, client_certificates=True) as broker:
        echoes(secure(broker.port, ca=certificates.ca, **own))
        # the broker's alert and its reset race, so the pace after it may be either
        assert "mqtt.cert" in first_error(secure(broker.port, ca=certificates.ca))


def test_an_authority_that_is_not_trusted_is_named_with_the_mend(
    tmp_path: Path, certificates: Certificates
) -> None:
    other = make_certificates(tmp_path / "other")
    with Mosquitto(tmp_path / "broker", tls=certificates) as broker:
        for ca in (other.ca, None):
            assert "mqtt.ca" in refusal(secure(broker.port, ca=ca))


def test_a_certificate_for_another_name(tmp_path: Path) -> None:
    other = make_certificates(tmp_path / "other", name="broker.example")
    with Mosquitto(tmp_path / "broker", tls=other) as broker:
        assert "is for another name" in refusal(secure(broker.port, ca=other.ca))
        assert "is for another address" in refusal(secure(broker.port, ca=other.ca, host="127.0.0.1"))


def test_an_expired_certificate(tmp_path: Path) -> None:
    expired = make_certificates(tmp_path / "expired", days=-1)
    with Mosquitto(tmp_path / "broker", tls=expired) as broker:
        assert "has expired" in refusal(secure(broker.port, ca=expired.ca))


def test_tls_toward_a_plain_port_and_plain_toward_a_tls_port(
    tmp_path: Path, certificates: Certificates
) -> None:
    with Mosquitto(tmp_path / "plain") as broker:
        assert "TLS port" in first_error(secure(broker.port, ca=certificates.ca))
    with Mosquitto(tmp_path / "tls", tls=certificates) as broker:
        assert "without TLS" in first_error(options(broker.port))


def test_a_key_that_is_not_the_certificates(tmp_path: Path, certificates: Certificates) -> None:
    with Mosquitto(tmp_path / "broker", tls=certificates) as broker:
        wrong = {"cert": certificates.client_cert, "key": certificates.server_key}
        said = refusal(secure(broker.port, ca=certificates.ca, **wrong))
        assert "the key is not that of the certificate" in said


def test_websockets(tmp_path: Path) -> None:
    with Mosquitto(tmp_path / "broker", websockets=True) as broker:
        echoes(secure(broker.port, "ws"))


def test_websockets_over_tls(tmp_path: Path, certificates: Certificates) -> None:
    with Mosquitto(tmp_path / "broker", websockets=True, tls=certificates) as broker:
        echoes(secure(broker.port, "wss", ca=certificates.ca))


@pytest.mark.parametrize("kind", ["tcp", "tls", "websockets"])
def test_what_was_half_written_when_the_broker_froze_arrives_whole(
    tmp_path: Path, certificates: Certificates, kind: str
) -> None:
    """More than the kernel takes at once, in frames that are sent in parts."""
    pictures = [bytes([number]) * 1_500_000 for number in range(8)]
    heard: list[bytes] = []

    async def live(broker: Mosquitto, client_options: MqttOptions) -> None:
        beside = options(broker.plain_port) if kind == "websockets" else client_options
        reader_options = replace(beside, client_id="reader")
        rig = Rig(client_options)
        reader = Rig(
            reader_options,
            on_message=acknowledging(lambda message: heard.append(message.payload)),
            subscribe=listening_to("t/picture"),
        )
        async with running(rig), running(reader):
            await rig.until_connected()
            await reader.until_connected()
            await reader.until_acknowledged()
            with broker.frozen():
                for picture in pictures:
                    rig.client.publish(Message("t/picture", picture, qos=1))
                await asyncio.sleep(0.2)  # the loop finds the socket full
                assert rig.client.counters.in_flight == len(pictures)
            await rig.until_acknowledged(30)
            await until(lambda: len(heard) == len(pictures), 30)
            assert rig.client.counters.reconnects == 0

    scheme = {"tcp": "mqtt", "tls": "mqtts", "websockets": "ws"}[kind]
    extra = {"ca": certificates.ca} if kind == "tls" else {}
    tls = certificates if kind == "tls" else None
    with Mosquitto(tmp_path / "broker", tls=tls, websockets=kind == "websockets") as broker:
        asyncio.run(live(broker, secure(broker.port, scheme, protocol="3.1.1", **extra)))
    assert heard == pictures


def test_a_port_without_websockets(tmp_path: Path) -> None:
    async def live(port: int) -> None:
        rig = Rig(secure(port, "ws", protocol=Protocol.V311))
        async with running(rig):
            await until(lambda: bool(rig.client.last_error))
            assert "does not speak MQTT over websockets at /mqtt" in rig.client.last_error

    with Mosquitto(tmp_path / "broker") as broker:
        asyncio.run(live(broker.port))
