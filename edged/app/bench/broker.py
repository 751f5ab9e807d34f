"""The broker of a measurement: the user's, Mosquitto on loopback, or edged's own beside the daemon.

Never the daemon's child, so that what it takes is not counted among the daemon's processes.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from edged.app.bench.program import Program
from edged.app.demo import free_port
from edged.app.processes import BROKER
from edged.errors import EdgedError
from edged.mqtt.embedded_spec import BrokerReady, BrokerSpec
from edged.mqtt.options import MqttOptions, options_from_url
from edged.mqtt.protocol import Protocol
from edged.supervise.channel import CONTROL
from edged.supervise.spawn import Spawned, spawn
from edged.supervise.wire import Decoder

_HOST = "127.0.0.1"
_START_S = 10.0
_LOOK_EVERY_S = 0.05
_CLIENT = "bench"


@dataclass(frozen=True, slots=True)
class Broker:
    """Where it is, and what it is in words."""

    url: str
    label: str
    protocol: str = "auto"
    """As in the settings: auto, 5 or 3.1.1."""

    @property
    def options(self) -> MqttOptions:
        """For a client of the bench; raises ValueError for an address that is none."""
        options = options_from_url(self.url, device=f"{_CLIENT}-{os.getpid()}")
        return replace(options, protocol=Protocol(self.protocol))


@contextmanager
def find_broker(url: str | None, folder: Path) -> Iterator[Broker]:
    """The broker at ``url``, else Mosquitto, else the embedded one, for as long as the context lasts.

    Raises `EdgedError` when there is none of them.
    """
    if url is not None:
        broker = Broker(url, "the one that was given")
        try:
            _ = broker.options
        except ValueError as error:
            raise EdgedError(f"--mqtt: {error}") from error
        yield broker
        return
    mosquitto = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if mosquitto is not None:
        with _mosquitto(mosquitto, folder) as broker:
            yield broker
        return
    if importlib.util.find_spec("amqtt") is None:
        raise EdgedError("no broker: apt install mosquitto, or pip install 'edged[embedded]', or --mqtt URL")
    with _embedded() as broker:
        yield broker


@contextmanager
def _mosquitto(binary: str, folder: Path) -> Iterator[Broker]:
    port = free_port()
    lines = [f"listener {port} {_HOST}", "allow_anonymous true", "persistence false"]
    if os.geteuid() == 0:
        lines.append("user root")
    config = folder / "mosquitto.conf"
    config.write_text("\n".join(lines) + "\n", encoding="utf-8")
    program = Program([binary, "-c", str(config)], folder / "mosquitto.log")
    program.start()
    try:
        _wait_until_listening(port, program)
        yield Broker(f"mqtt://{_HOST}:{port}", "Mosquitto on loopback")
    finally:
        program.end()


def _wait_until_listening(port: int, program: Program) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and program.alive:
        try:
            socket.create_connection((_HOST, port), timeout=1).close()
        except OSError:
            time.sleep(_LOOK_EVERY_S)
        else:
            return
    raise EdgedError(f"Mosquitto does not listen:\n{program.last_words()}")


@contextmanager
def _embedded() -> Iterator[Broker]:
    child = spawn(BROKER.module, "bench-broker", log_level="ERROR")
    try:
        child.channel.send(BrokerSpec(_HOST, 0), wait_s=1.0)
        port = _ready(child)
        yield Broker(f"mqtt://{_HOST}:{port}", "edged's embedded one (amqtt)", "3.1.1")
    finally:
        child.popen.kill()
        child.popen.wait()
        child.release()


def _ready(child: Spawned) -> int:
    decoder = Decoder([BrokerReady])
    deadline = time.monotonic() + BROKER.start_s
    while time.monotonic() < deadline:
        packet = child.channel.receive(wait_s=_LOOK_EVERY_S)
        if packet is not None and packet.kind == CONTROL:
            message = decoder.decode(packet.body)
            if isinstance(message, BrokerReady):
                return message.port
    raise EdgedError("the embedded broker does not start")
