"""What Home Assistant hears of a device on a real broker, and what stays there."""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from edged.app.homeassistant import HomeAssistant
from edged.control.discovery import BIRTH_TOPIC, discovery_topic
from edged.mqtt.client import MqttClient
from edged.mqtt.message import Message, Received, Worth
from edged.mqtt.subscription import Replay, Subscription
from edged.mqtt.topics import Topics
from edged.settings.spec import Spec
from edged.storage.database import Database
from tests.homeassistant import check
from tests.integration.mqtt_rig import options, until
from tests.servers.mosquitto import Mosquitto
from tests.servers.mqtt_peer import Subscriber, retained

TOPICS = Topics("edged/v1", "gate-01")
TOPIC = discovery_topic(TOPICS)
SPEC = {
    "sources": {"gate": {"url": "a.mp4"}, "yard": {"url": "b.mp4"}},
    "jobs": {"people": {"algorithm": "detector", "sources": ["gate"], "params": {"labels": ["person"]}}},
}
COUNTS = b'{"total":1,"labels":{"car":1}}'
CAR = "job.people.gate.label.car"
PERSON = "job.people.gate.label.person"


def on_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """The test, in a loop of its own."""

    @functools.wraps(test)
    def run(*arguments: Any, **more: Any) -> None:
        asyncio.run(test(*arguments, **more))

    return run


class Link:
    """The daemon's publisher, on a client of its own."""

    def __init__(self, port: int, *, enabled: bool) -> None:
        self.heard: Callable[[Received], object] = lambda _: None
        topics = [Subscription(BIRTH_TOPIC, replay=Replay.NEW_ONLY)] if enabled else []
        self.client = MqttClient(options(port), will=None, on_message=self._hear, subscribe=topics)

    def _hear(self, received: Received) -> None:
        self.heard(received)

    def publish(self, topic: str, payload: bytes, qos: int, worth: Worth = Worth.RESULT) -> None:
        self.client.publish(Message(topic, payload, qos, worth=worth))

    def retain(self, topic: str, payload: bytes, *, again: bool = False) -> None:
        self.client.retain(topic, payload)


@asynccontextmanager
async def announcing(
    port: int, folder: Path, *, enabled: bool = True, topics: Topics = TOPICS
) -> AsyncIterator[tuple[HomeAssistant, MqttClient]]:
    """One run of a daemon, as far as Home Assistant sees it."""
    database = Database(folder / "edged.db")
    link = Link(port, enabled=enabled)
    home = HomeAssistant(
        topics, link, database, folder / "ha.json", enabled=enabled, draw=lambda _low, _high: 0.0
    )
    client = link.client
    link.heard = home.heard
    database.start()
    tasks = [asyncio.create_task(home.run()), asyncio.create_task(client.run())]
    try:
        await until(lambda: client.connected)
        yield home, client
        await until(lambda: not (client.counters.queued or client.counters.in_flight))
    finally:
        await database.stop()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def spec(**changes: Any) -> Spec:
    return Spec.model_validate({**SPEC, **changes})


def heard_on(hearing: Subscriber, number: int) -> list[dict[str, Any]]:
    assert hearing.wait_for(lambda: len(hearing.payloads(TOPIC)) >= number), hearing.payloads(TOPIC)
    return [check(TOPIC, payload)["components"] for payload in hearing.payloads(TOPIC)]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "broker") as mosquitto:
        yield mosquitto


async def off_loop(call: Any, *arguments: Any) -> Any:
    return await asyncio.to_thread(call, *arguments)


@on_loop
async def test_a_device_is_announced_and_kept_up_to_date(broker: Mosquitto, tmp_path: Path) -> None:
    with Subscriber(broker.port, TOPIC) as hearing:
        async with announcing(broker.port, tmp_path) as (home, _):
            home.update(spec())
            (first,) = await off_loop(heard_on, hearing, 1)
            assert PERSON in first
            assert CAR not in first
            home.on_counts("people", "gate", COUNTS)
            *_, second = await off_loop(heard_on, hearing, 2)
            assert CAR in second
            home.update(spec(sources={"gate": {"url": "a.mp4"}}))
            *_, third, fourth, fifth = await off_loop(heard_on, hearing, 5)
    gone = {key for key in first if key.startswith("source.yard.")}
    assert len(gone) == 4
    # the retained one may overtake what goes through the outbox: the last word is right either way
    with_platform_alone = [each for each in (third, fourth, fifth) if gone <= set(each)]
    assert [set(each[key]) for each in with_platform_alone for key in gone] == [{"platform"}] * 4
    assert gone.isdisjoint(fifth)
    kept = retained(broker.port, TOPIC)
    assert gone.isdisjoint(check(TOPIC, kept[TOPIC])["components"])


@on_loop
async def test_what_left_while_the_daemon_was_down_is_taken_back(broker: Mosquitto, tmp_path: Path) -> None:
    memory = tmp_path / "ha.json"
    async with announcing(broker.port, tmp_path) as (home, _):
        home.update(spec())
        home.on_counts("people", "gate", COUNTS)
        await until(lambda: memory.exists() and CAR in memory.read_text())
    with Subscriber(broker.port, TOPIC) as hearing:
        async with announcing(broker.port, tmp_path) as (home, _):
            home.update(spec(sources={"gate": {"url": "a.mp4"}}))
            told = await off_loop(heard_on, hearing, 4)
    assert {"platform": "switch"} in [each.get("source.yard.enabled") for each in told]
    assert CAR in told[-1], "a label that was seen once keeps its sensor"


@on_loop
async def test_without_discovery_it_is_gone(broker: Mosquitto, tmp_path: Path) -> None:
    async with announcing(broker.port, tmp_path) as (home, _):
        home.update(spec())
        await until((tmp_path / "ha.json").exists)
    assert TOPIC in retained(broker.port, TOPIC)
    async with announcing(broker.port, tmp_path, enabled=False) as (home, client):
        home.update(spec())
        await until(lambda: client.counters.published > 0)
    assert TOPIC not in retained(broker.port, TOPIC)


@on_loop
async def test_a_device_that_never_asked_for_it_publishes_nothing(broker: Mosquitto, tmp_path: Path) -> None:
    async with announcing(broker.port, tmp_path, enabled=False) as (home, client):
        home.update(spec())
        home.on_counts("people", "gate", COUNTS)
        client.retain("t/last", b"1")
        await until(lambda: client.counters.published > 0)
        assert client.counters.published == 1
    assert not (tmp_path / "ha.json").exists()


@on_loop
async def test_a_device_with_a_new_name_leaves_no_twin_behind(broker: Mosquitto, tmp_path: Path) -> None:
    async with announcing(broker.port, tmp_path) as (home, _):
        home.update(spec())
        await until((tmp_path / "ha.json").exists)
    renamed = Topics("edged/v1", "gate-02")
    async with announcing(broker.port, tmp_path, topics=renamed) as (home, client):
        home.update(spec())
        await until(lambda: client.counters.published >= 2)
    kept = retained(broker.port, "homeassistant/#")
    assert set(kept) == {discovery_topic(renamed)}


@on_loop
async def test_home_assistant_is_greeted_when_it_comes(broker: Mosquitto, tmp_path: Path) -> None:
    with Subscriber(broker.port, TOPIC) as hearing:
        async with announcing(broker.port, tmp_path) as (home, client):
            home.update(spec())
            await off_loop(heard_on, hearing, 1)
            client.publish(Message(BIRTH_TOPIC, b"offline", qos=1))
            client.publish(Message(BIRTH_TOPIC, b"online", qos=1))
            first, second = await off_loop(heard_on, hearing, 2)
    assert first == second
    assert not home.heard(Received("edged/v1/gate-01/cmd/ping", b"{}"))


@on_loop
async def test_a_damaged_memory_is_forgotten(broker: Mosquitto, tmp_path: Path) -> None:
    (tmp_path / "ha.json").write_bytes(b'{"topic": 7, "components": [1], "seen": {"people": 3}}')
    with Subscriber(broker.port, TOPIC) as hearing:
        async with announcing(broker.port, tmp_path) as (home, _):
            home.update(spec())
            await off_loop(heard_on, hearing, 1)
            await until(lambda: json.loads((tmp_path / "ha.json").read_bytes())["topic"] == TOPIC)
