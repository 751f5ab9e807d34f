"""A subscriber whose session the broker keeps: it loses nothing that the broker took for it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as paho

from tests.servers.mosquitto import HOST


@dataclass(frozen=True)
class Numbered:
    """An event or a result, as it came."""

    job: str
    boot: str
    seq: int
    content: dict[str, Any]


class KeptSession:
    """Subscribed with QoS 1 from ``with`` on, and again as soon as the broker is back."""

    def __init__(self, port: int, topic: str) -> None:
        self.heard: list[Numbered] = []
        """In the order in which they came, with those that came twice."""
        self.highest: dict[tuple[str, str], int] = {}
        """The highest seq so far, by job and boot."""
        self._port = port
        self._news = threading.Condition()
        self._subscribed = threading.Event()
        self._client = paho.Client(
            paho.CallbackAPIVersion.VERSION2, "kept", clean_session=False, protocol=paho.MQTTv311
        )
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda client, *_: client.subscribe(topic, 1)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._hear

    def __enter__(self) -> KeptSession:
        self._client.connect(HOST, self._port)
        self._client.loop_start()
        assert self._subscribed.wait(10), "no subscription within 10 s"
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def until(self, wanted: Callable[[], bool], within_s: float = 30.0) -> bool:
        """Whether it became true of what was heard in time; asked at each message."""
        with self._news:
            return self._news.wait_for(wanted, within_s)

    def _hear(self, _client: object, _userdata: object, message: paho.MQTTMessage) -> None:
        content = json.loads(message.payload)
        one = Numbered(content["job"], content["boot"], content["seq"], content)
        with self._news:
            self.heard.append(one)
            self.highest[one.job, one.boot] = max(one.seq, self.highest.get((one.job, one.boot), 0))
            self._news.notify_all()
