"""PROCESS, short-lived: loads and runs models for `edged try`, `edged models info` and `edged doctor`."""

from __future__ import annotations

import os

# Before numpy comes, as in a worker: what is measured here shall be what it costs there.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import time

import cv2

from edged.model.trying import ModelInfoRequest, ProvidersRequest, TryRequest, TryUpdate
from edged.offline.looking.describing import describe_model
from edged.offline.looking.provider_check import check_providers
from edged.offline.looking.trial import try_model
from edged.supervise.channel import Channel
from edged.supervise.child import serve
from edged.supervise.heartbeat import Heartbeat
from edged.supervise.wire import Decoder
from edged.worker.building import build_on

_ASKED_WITHIN_S = 10.0
_STEP_S = 120.0
"""For loading a model; a run is no longer."""
_PROVIDERS_S = 300.0
_TELL_EVERY_S = 0.1


def run(channel: Channel, heartbeat: Heartbeat) -> None:
    """Answer one request: a `TryRequest` with `TryUpdate`s, the others with one report."""
    packet = channel.receive(wait_s=_ASKED_WITHIN_S)
    if packet is None:
        return
    cv2.setNumThreads(1)
    on_build = build_on(heartbeat, lane=0)
    request = Decoder([TryRequest, ModelInfoRequest, ProvidersRequest]).decode(packet.body)
    with heartbeat.doing("load", _STEP_S, lane=0):
        match request:
            case TryRequest():
                teller = _Teller(channel, heartbeat)
                report = try_model(request, on_build, teller.tell)
                channel.send(TryUpdate(teller.done, teller.done, report), wait_s=1.0)
            case ModelInfoRequest():
                info = describe_model(request, on_build, lambda: heartbeat.beat("measure", _STEP_S))
                channel.send(info, wait_s=1.0)
            case ProvidersRequest():
                heartbeat.beat("try providers", _PROVIDERS_S)
                channel.send(check_providers(), wait_s=1.0)


class _Teller:
    """Says how far it is, ten times a second at most."""

    def __init__(self, channel: Channel, heartbeat: Heartbeat) -> None:
        self._channel = channel
        self._heartbeat = heartbeat
        self._told_s = 0.0
        self.done = 0

    def tell(self, done: int, total: int) -> None:
        self.done = done
        self._heartbeat.beat("run" if done else "load", _STEP_S)
        if time.monotonic() - self._told_s >= _TELL_EVERY_S:
            self._told_s = time.monotonic()
            self._channel.send(TryUpdate(done, total))


if __name__ == "__main__":
    serve(run)
