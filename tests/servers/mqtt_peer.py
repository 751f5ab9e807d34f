"""A subscriber that shares nothing with the daemon's client but paho: what arrives, and when."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Arrival:
    topic: str
    payload: bytes
    qos: int
    retain: bool
    monotonic_ns: int


class Subscriber:
    """Subscribed with QoS 1 from ``with`` on; paho's own thread, an id of its own."""

    def __init__(
        self, port: int, topic: str = "#", *, username: str | None = None, password: str | None = None
    ) -> None:
        self.arrivals: list[Arrival] = []
        self._topic = topic
        self._port = port
        self._changed = threading.Condition()
        self._subscribed = threading.Event()
        self._client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv311)
        if username is not None:
            self._client.username_pw_set(username, password)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda client, *_: client.subscribe(topic, 1)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._on_message

    def payloads(self, topic: str) -> list[bytes]:
        return [arrival.payload for arrival in list(self.arrivals) if arrival.topic == topic]

    def latest(self, topic: str) -> bytes | None:
        found = self.payloads(topic)
        return found[-1] if found else None

    def wait_for(self, condition: Callable[[], bool], deadline_s: float = 60.0) -> bool:
        """Whether ``condition`` came true at some arrival before the deadline."""
        until = time.monotonic() + deadline_s
        with self._changed:
            while not condition():
                left_s = until - time.monotonic()
                if left_s <= 0:
                    return False
                self._changed.wait(left_s)
        return True

    def until_all_came(self) -> None:
        """Until all that the broker had for it by now is here: a message of its own comes behind that."""
        mark = f"tests/mark/{time.monotonic_ns()}"
        self._client.subscribe(mark, 1)
        self._client.publish(mark, b"", 1)
        assert self.wait_for(lambda: self.latest(mark) is not None), "the broker did not answer"

    def __enter__(self) -> Subscriber:
        self._client.connect(HOST, self._port, keepalive=30)
        self._client.loop_start()
        assert self._subscribed.wait(60), "the test's subscriber was not let in"
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        now_ns = time.monotonic_ns()
        with self._changed:
            self.arrivals.append(
                Arrival(message.topic, bytes(message.payload), message.qos, message.retain, now_ns)
            )
            self._changed.notify_all()


def retained(port: int, topic: str = "#") -> dict[str, bytes]:
    """What the broker keeps, as a newcomer sees it."""
    with Subscriber(port, topic) as newcomer:
        newcomer.until_all_came()
        return {arrival.topic: arrival.payload for arrival in newcomer.arrivals if arrival.retain}
