"""Whoever runs the fleet: says what shall run, sends commands, and waits for what becomes of it."""

from __future__ import annotations

import itertools
import json
import threading
import time
from types import TracebackType
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.servers.daemon import ROOT, Subscriber
from tests.stopwatch import HANGS_S

FINAL = ("applied", "rejected", "rolled_back")
_numbers = itertools.count(1)


class Fleet:
    """A client of its own; hears through a `Subscriber` of the same broker."""

    def __init__(self, port: int, heard: Subscriber, *, protocol: int = paho.MQTTv5) -> None:
        self.heard = heard
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=protocol)
        self._client.reconnect_delay_set(1, 1)
        self._connected = threading.Event()
        self._client.on_connect = lambda *_: self._connected.set()
        self._client.on_disconnect = lambda *_: self._connected.clear()
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def __enter__(self) -> Fleet:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def publish(
        self, topic: str, payload: bytes, *, retain: bool = False, properties: Properties | None = None
    ) -> None:
        """To a topic below the device's root; returns when the broker has it."""
        assert self._connected.wait(HANGS_S), "no broker"
        done = self._client.publish(f"{ROOT}/{topic}", payload, 1, retain, properties)
        done.wait_for_publish(HANGS_S)
        assert done.is_published(), "the broker did not take it"

    def desire(self, revision: int, spec: dict[str, Any], **more: Any) -> float:
        """Publish a desired; the moment the broker had it."""
        payload = json.dumps({"revision": revision, "spec": spec, **more}).encode()
        self.publish("desired", payload, retain=True)
        return time.monotonic()

    def decided(self, revision: int, *, within_s: float = HANGS_S, since_s: float = 0.0) -> dict[str, Any]:
        """What was finally reported of a revision."""

        def is_it(content: Any) -> bool:
            return content.get("desired_revision") == revision and content.get("phase") in FINAL

        found: dict[str, Any] = self.heard.until(
            "reported", is_it, within_s=within_s, since_s=since_s
        ).content
        return found

    def apply(self, revision: int, spec: dict[str, Any], *, within_s: float = HANGS_S, **more: Any) -> Any:
        """Desire it and wait for the verdict."""
        since_s = time.monotonic()
        self.desire(revision, spec, **more)
        return self.decided(revision, within_s=within_s, since_s=since_s)

    def command(self, op: str, *, within_s: float = HANGS_S, **arguments: Any) -> dict[str, Any]:
        """Send a command with an id of its own, unless it is given one, and wait for its answer."""
        arguments.setdefault("id", f"t{next(_numbers)}-{time.monotonic_ns()}")
        since_s = time.monotonic()
        self.publish(f"cmd/{op}", json.dumps(arguments).encode())
        return self.answer(op, arguments["id"], within_s=within_s, since_s=since_s)

    def answer(self, op: str, command_id: str, *, within_s: float = HANGS_S, since_s: float = 0.0) -> Any:
        wanted = self.heard.until(
            f"res/{op}", lambda content: content.get("id") == command_id, within_s=within_s, since_s=since_s
        )
        return wanted.content

    @staticmethod
    def asking(response_topic: str, correlation: bytes) -> Properties:
        """The properties of an MQTT 5 request."""
        properties = Properties(PacketTypes.PUBLISH)
        properties.ResponseTopic = response_topic
        properties.CorrelationData = correlation
        return properties
