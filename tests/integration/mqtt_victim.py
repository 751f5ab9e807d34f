"""A client in a process of its own, to be killed.

``python -m tests.integration.mqtt_victim PORT PROTOCOL WILL_DELAY_S``
"""

from __future__ import annotations

import asyncio
import sys

from edged.mqtt.protocol import Protocol
from tests.integration.mqtt_rig import STATE, Rig, options


def main() -> None:
    port, protocol, delay_s = sys.argv[1:]
    rig = Rig(options(int(port), protocol=Protocol(protocol), will_delay_s=int(delay_s)))
    rig.client.retain(STATE, b"online")
    asyncio.run(rig.client.run())


if __name__ == "__main__":
    main()
