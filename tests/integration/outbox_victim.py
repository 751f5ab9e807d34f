"""A client with an outbox on the disk, in a process of its own, to be killed while it makes events.

``python -m tests.integration.outbox_victim PORT FOLDER FIRST``: numbered from FIRST on, one every
millisecond; beside the outbox's folder a ledger says when each was made (number, CLOCK_MONOTONIC in ns).
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from itertools import count
from pathlib import Path

from edged.mqtt.client import MqttClient
from edged.mqtt.durable import OUTBOX_SCHEMA, DurableOutbox
from edged.mqtt.message import Message, Worth
from edged.storage.database import Database
from edged.storage.system_clock import SystemClock
from tests.integration.mqtt_rig import options

TOPIC = "t/event"
_EVERY_S = 0.001


async def live(port: int, folder: Path, first: int) -> None:
    database = Database(folder / "edged.db", OUTBOX_SCHEMA)
    outbox = DurableOutbox(database, limit_bytes=64 << 20, clock=SystemClock())
    client = MqttClient(options(port), will=None, outbox=outbox)
    database.start()
    outbox.start()
    running = asyncio.create_task(client.run())
    ledger = os.open(folder.with_suffix(".ledger"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for number in count(first):
        payload = json.dumps({"job": "x", "boot": str(first), "seq": number}).encode()
        client.publish(Message(TOPIC, payload, qos=1, worth=Worth.EVENT))
        os.write(ledger, f"{number} {time.monotonic_ns()}\n".encode())
        await asyncio.sleep(_EVERY_S)
    await running


def main() -> None:
    port, folder, first = sys.argv[1:]
    asyncio.run(live(int(port), Path(folder), int(first)))


if __name__ == "__main__":
    main()
