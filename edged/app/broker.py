"""The embedded broker's process, as main sees it."""

from __future__ import annotations

import asyncio
import os

from edged.mqtt.embedded_spec import BrokerReady, BrokerSpec
from edged.supervise.channel import Packet
from edged.supervise.heartbeat import Heartbeat
from edged.supervise.process import ChildExit, ProcessKind
from edged.supervise.supervisor import Supervisor
from edged.supervise.wire import Decoder

_DECODER = Decoder((BrokerReady,))
_PROCESS = "broker"


class EmbeddedBroker:
    """Owns the broker's process; `ready` is set once it accepts connections."""

    def __init__(self, spec: BrokerSpec, supervisor: Supervisor, kind: ProcessKind) -> None:
        self.spec = spec
        self.ready = asyncio.Event()
        self._supervisor = supervisor
        self._kind = kind

    def start(self) -> None:
        self._supervisor.start(_PROCESS, self._kind, self, stagger=False)

    def on_start(self, name: str) -> None:
        self._supervisor.send(name, self.spec)

    def on_packet(self, name: str, packet: Packet) -> None:
        for fd in packet.fds:
            os.close(fd)
        if isinstance(_DECODER.decode(packet.body), BrokerReady):
            self.ready.set()

    def on_exit(self, death: ChildExit, heartbeat: Heartbeat) -> None:
        """The supervisor starts it anew, on the same port; the client connects again by itself."""
