"""Children for the supervisor's tests: one module, many manners. The first message says which."""

from __future__ import annotations

import ctypes
import os
import signal
from dataclasses import dataclass

from edged.model.messages import Stop
from edged.supervise.channel import Channel
from edged.supervise.child import serve
from edged.supervise.heartbeat import Heartbeat
from edged.supervise.wire import Decoder


@dataclass(frozen=True)
class Manner:
    name: str


@dataclass(frozen=True)
class Hello:
    pid: int


DECODER = Decoder((Manner, Stop))


def run(channel: Channel, heartbeat: Heartbeat) -> None:
    packet = channel.receive(wait_s=10)
    assert packet is not None
    manner = DECODER.decode(packet.body)
    assert isinstance(manner, Manner)
    channel.send(Hello(os.getpid()))
    if manner.name == "hang":
        heartbeat.beat("run", 0.5, job="counter", source="gate")
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        ctypes.CDLL(None).sleep(60)
    elif manner.name == "crash":
        heartbeat.beat("run", 5.0, job="counter")
        os.kill(os.getpid(), signal.SIGSEGV)
    elif manner.name == "bug":
        raise ZeroDivisionError("a bug of the child")
    elif manner.name == "garbage":
        channel.send_raw(b"")
        channel._send(0, b'["Nonsense", {}]', (), 1.0)
    elif manner.name == "deaf":
        heartbeat.beat("sleep", 60.0)
        ctypes.CDLL(None).sleep(60)
    obey(channel, heartbeat)


def obey(channel: Channel, heartbeat: Heartbeat) -> None:
    while True:
        heartbeat.beat("idle", 2.0)
        packet = channel.receive(wait_s=0.2)
        if packet is not None and isinstance(DECODER.decode(packet.body), Stop):
            channel.send(Hello(0))
            return


if __name__ == "__main__":
    serve(run)
