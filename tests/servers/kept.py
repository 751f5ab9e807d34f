"""What a broker keeps, as it tells a client that comes anew; and having it forget."""

from __future__ import annotations

import itertools
import json
import os
import threading
from typing import Any

import paho.mqtt.client as paho

from tests.servers.daemon import DEVICE, ROOT
from tests.stopwatch import HANGS_S

_numbers = itertools.count(1)


def kept(port: int) -> dict[str, Any]:
    """The retained payloads, decoded, by topic below the device's root."""
    mark = f"tests/mark/{os.getpid()}-{next(_numbers)}"
    found: dict[str, Any] = {}
    is_over = threading.Event()

    def hear(_client: object, _userdata: object, message: paho.MQTTMessage) -> None:
        if message.topic == mark:  # behind all that was kept
            is_over.set()
        elif message.retain:
            found[message.topic.removeprefix(f"{ROOT}/")] = json.loads(message.payload)

    client = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv311)
    client.on_connect = lambda *_: client.subscribe([(f"{ROOT}/#", 1), (mark, 1)])
    client.on_subscribe = lambda *_: client.publish(mark, b"", 1)
    client.on_message = hear
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        assert is_over.wait(HANGS_S), "the broker did not answer"
    finally:
        client.disconnect()
        client.loop_stop()
    return found


def forget(port: int) -> None:
    """Have the broker forget the session of a device that is away, and what is desired of it."""
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, f"edged-{DEVICE}", protocol=paho.MQTTv5)
    client.connect("127.0.0.1", port, clean_start=True)
    client.loop_start()
    try:
        done = client.publish(f"{ROOT}/desired", b"", 1, retain=True)
        done.wait_for_publish(HANGS_S)
        assert done.is_published(), "the broker did not answer"
    finally:
        client.disconnect()
        client.loop_stop()
