"""The client on a real Mosquitto: what arrives, what is kept, what comes back."""

from __future__ import annotations

import asyncio
import gc
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edged.mqtt.client import ConnectionState
from edged.mqtt.message import Message
from edged.mqtt.protocol import Protocol, ProtocolMemory
from edged.mqtt.subscription import Replay
from tests.integration.mqtt_rig import STATE, Rig, acknowledging, listening_to, options, running, until
from tests.servers.mosquitto import Mosquitto
from tests.servers.mqtt_peer import Subscriber, retained


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "broker") as mosquitto:
        yield mosquitto


@pytest.mark.parametrize("protocol", [Protocol.AUTO, Protocol.V5, Protocol.V311])
def test_states_are_retained_and_messages_arrive_in_order(broker: Mosquitto, protocol: Protocol) -> None:
    async def live() -> None:
        rig = Rig(options(broker.port, protocol=protocol))
        assert not rig.client.publish(Message("t/result", b"too early"))
        rig.client.retain(STATE, b"online")
        rig.client.publish(Message("t/event", b"kept", qos=1))
        async with running(rig):
            await rig.until_connected()
            wanted = Protocol.V5 if protocol is Protocol.AUTO else protocol
            assert rig.client.protocol is wanted
            for number in range(100):
                assert rig.client.publish(Message("t/result", str(number).encode()))
            await rig.until_acknowledged()
            assert rig.client.counters.dropped == 1

    with Subscriber(broker.port) as subscriber:
        asyncio.run(live())
        assert subscriber.wait_for(lambda: len(subscriber.payloads("t/result")) == 100)
        assert subscriber.payloads("t/result") == [str(number).encode() for number in range(100)]
        assert subscriber.payloads("t/event") == [b"kept"]
        assert [arrival.topic for arrival in subscriber.arrivals][:2] == [STATE, "t/event"]


def test_stop_says_the_last_words_and_no_will_follows(broker: Mosquitto) -> None:
    async def live() -> float:
        rig = Rig(options(broker.port, session_expiry_s=0, will_delay_s=0))
        rig.client.retain(STATE, b"online")
        task = asyncio.create_task(rig.client.run())
        await rig.until_connected()
        for number in range(200):
            rig.client.publish(Message("t/event", str(number).encode(), qos=1))
        before = time.monotonic()
        await rig.client.stop(Message(STATE, b"stopped", qos=1, retain=True))
        took_s = time.monotonic() - before
        await task
        assert rig.client.state is ConnectionState.STOPPED
        return took_s

    with Subscriber(broker.port) as subscriber:
        assert asyncio.run(live()) < 2.0
        assert subscriber.wait_for(lambda: len(subscriber.payloads("t/event")) == 200)
        assert subscriber.wait_for(lambda: subscriber.latest(STATE) == b"stopped")
    assert retained(broker.port) == {STATE: b"stopped"}


@pytest.mark.parametrize(("protocol", "delay_s"), [("5", 0), ("5", 2), ("3.1.1", 0)])
def test_the_will_is_published_after_a_kill(broker: Mosquitto, protocol: str, delay_s: int) -> None:
    with Subscriber(broker.port, STATE) as subscriber:
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.mqtt_victim", str(broker.port), protocol, str(delay_s)]
        )
        try:
            assert subscriber.wait_for(lambda: subscriber.latest(STATE) == b"online", 20)
            killed_ns = time.monotonic_ns()
            child.send_signal(signal.SIGKILL)
            assert subscriber.wait_for(lambda: subscriber.latest(STATE) == b"offline", 10)
            took_s = (subscriber.arrivals[-1].monotonic_ns - killed_ns) / 1e9
            assert took_s >= delay_s - 1  # Mosquitto counts in whole seconds
        finally:
            child.kill()
            child.wait(10)
    assert retained(broker.port)[STATE] == b"offline"


def test_a_quick_restart_shows_no_offline(broker: Mosquitto) -> None:
    command = [sys.executable, "-m", "tests.integration.mqtt_victim", str(broker.port), "5", "10"]
    with Subscriber(broker.port, STATE) as subscriber:
        for expected in (1, 2):
            child = subprocess.Popen(command)
            try:
                arrived = subscriber.wait_for(lambda n=expected: len(subscriber.payloads(STATE)) == n, 20)
                assert arrived
            finally:
                child.kill()
                child.wait(10)
        assert subscriber.payloads(STATE) == [b"online", b"online"]


def test_states_and_subscriptions_come_back_after_the_broker_forgot_everything(broker: Mosquitto) -> None:
    topics = {f"t/source/{number}/status": str(number).encode() for number in range(50)}

    async def live() -> None:
        heard: list[bytes] = []
        rig = Rig(
            options(broker.port),
            on_message=acknowledging(lambda message: heard.append(message.payload)),
            subscribe=listening_to("t/cmd/+", replay=Replay.NEW_ONLY),
        )
        rig.client.retain(STATE, b"online")
        for topic, payload in topics.items():
            rig.client.retain(topic, payload)
        async with running(rig):
            await rig.until_connected()
            await rig.until_acknowledged()
            broker.kill()
            await until(lambda: not rig.client.connected)
            rig.client.retain("t/source/0/status", b"changed meanwhile")
            broker.start()
            await rig.until_connected()
            await rig.until_acknowledged()
            kept = await asyncio.to_thread(retained, broker.port)
            assert kept == {STATE: b"online", **topics, "t/source/0/status": b"changed meanwhile"}
            assert rig.client.counters.reconnects == 1
            rig.client.publish(Message("t/cmd/ping", b"again", qos=1))
            await until(lambda: heard == [b"again"])

    asyncio.run(live())


def test_events_survive_a_broker_restart_without_loss_and_in_order(broker: Mosquitto) -> None:
    """No loss; what was in flight may come twice (at least once), nothing else does."""
    before, meanwhile = 400, 300

    async def live(first: Subscriber) -> None:
        rig = Rig(options(broker.port))
        async with running(rig):
            await rig.until_connected()
            for number in range(before):
                rig.client.publish(Message("t/event", str(number).encode(), qos=1))
            assert await asyncio.to_thread(first.wait_for, lambda: len(first.arrivals) >= 100)
            broker.kill()
            await until(lambda: not rig.client.connected)
            for number in range(before, before + meanwhile):
                rig.client.publish(Message("t/event", str(number).encode(), qos=1))
            seen_first = [int(arrival.payload) for arrival in first.arrivals]  # it, too, comes back
            broker.start()
            with Subscriber(broker.port) as second:
                await rig.until_connected()
                await rig.until_acknowledged()
                assert rig.client.counters.dropped == 0
                last = str(before + meanwhile - 1).encode()
                await asyncio.to_thread(second.wait_for, lambda: last in second.payloads("t/event"))
                seen_second = [int(arrival.payload) for arrival in second.arrivals]
            assert seen_first == list(range(len(seen_first)))
            # the retry may have connected before this subscriber did, so only order and no gap is asked for
            assert seen_second == list(range(seen_second[0], before + meanwhile))

    with Subscriber(broker.port) as first:
        asyncio.run(live(first))


def test_the_queue_drops_its_oldest_and_counts_them(broker: Mosquitto) -> None:
    async def live() -> None:
        rig = Rig(options(broker.port))
        for number in range(1200):
            rig.client.publish(Message("t/event", str(number).encode(), qos=1))
        assert rig.client.counters.dropped == 200
        assert rig.client.counters.queued == 1000
        async with running(rig):
            await rig.until_connected()
            await rig.until_acknowledged()

    with Subscriber(broker.port) as subscriber:
        asyncio.run(live())
        assert subscriber.wait_for(lambda: len(subscriber.arrivals) == 1000)
        assert [int(arrival.payload) for arrival in subscriber.arrivals] == list(range(200, 1200))


def test_what_worked_is_remembered_over_a_restart_of_the_daemon(broker: Mosquitto, tmp_path: Path) -> None:
    memory = tmp_path / "mqtt.json"

    async def live() -> None:
        rig = Rig(options(broker.port), memory_path=memory)
        async with running(rig):
            await rig.until_connected()
            await until(memory.exists)

    asyncio.run(live())
    assert ProtocolMemory(memory).recall(f"127.0.0.1:{broker.port}") is Protocol.V5


def test_a_publish_is_at_its_subscriber_at_once(broker: Mosquitto) -> None:
    count = 300

    async def live() -> list[int]:
        sent = []
        rig = Rig(options(broker.port))
        async with running(rig):
            await rig.until_connected()
            for _ in range(count):
                sent.append(time.monotonic_ns())
                rig.client.publish(Message("t/result", b"x" * 500))
                await asyncio.sleep(0.003)
        return sent

    with Subscriber(broker.port, "t/result") as subscriber:
        sent = asyncio.run(live())
        assert subscriber.wait_for(lambda: len(subscriber.arrivals) == count)
        took_ms = [
            (arrival.monotonic_ns - moment) / 1e6
            for arrival, moment in zip(subscriber.arrivals, sent, strict=True)
        ]
    median_ms = statistics.median(took_ms)
    print(f"publish to subscriber: p50 {median_ms:.2f} ms, p99 {sorted(took_ms)[-4]:.2f} ms")
    assert median_ms < 5.0  # it is well under 1; Nagle's algorithm or a thread's turn would show


def test_one_socket_no_thread_and_no_descriptor_is_left(broker: Mosquitto) -> None:
    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    async def live() -> None:
        rig = Rig(options(broker.port))
        async with running(rig):
            await rig.until_connected()
            threads = Path("/proc/self/task")
            await until(lambda: len(list(threads.iterdir())) == before_threads)
            broker.kill()
            await until(lambda: not rig.client.connected)
            broker.start()
            await rig.until_connected()
            await until(lambda: len(list(threads.iterdir())) == before_threads)

    gc.collect()  # what earlier tests left is not this one's
    before_threads = len(list(Path("/proc/self/task").iterdir()))
    before = descriptors()
    asyncio.run(live())
    assert descriptors() == before
