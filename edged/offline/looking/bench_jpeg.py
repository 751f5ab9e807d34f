"""PROCESS, short-lived: encodes frames at each quality and runs models on them, for `edged bench jpeg`."""

from __future__ import annotations

import os

# Before numpy comes, as in a worker: what is measured here shall be what it costs there.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import time

import cv2

from edged.model.jpeg_bench import JpegRequest, JpegUpdate
from edged.offline.looking.jpeg_costs import measure_jpegs
from edged.supervise.channel import Channel
from edged.supervise.child import serve
from edged.supervise.heartbeat import Heartbeat
from edged.supervise.wire import Decoder
from edged.worker.building import build_on

_ASKED_WITHIN_S = 10.0
_STEP_S = 120.0
_TELL_EVERY_S = 0.1


def run(channel: Channel, heartbeat: Heartbeat) -> None:
    """Answer one `JpegRequest` with `JpegUpdate`s, of which the last has the report."""
    packet = channel.receive(wait_s=_ASKED_WITHIN_S)
    if packet is None:
        return
    request = Decoder([JpegRequest]).decode(packet.body)
    if not isinstance(request, JpegRequest):
        return
    cv2.setNumThreads(1)
    told_s = 0.0

    def tell(done: int, total: int) -> None:
        nonlocal told_s
        heartbeat.beat("run" if total else "load", _STEP_S)
        if time.monotonic() - told_s >= _TELL_EVERY_S:
            told_s = time.monotonic()
            channel.send(JpegUpdate(done, total))

    with heartbeat.doing("load", _STEP_S, lane=0):
        report = measure_jpegs(request, build_on(heartbeat, lane=0), tell)
        channel.send(JpegUpdate(report=report), wait_s=1.0)


if __name__ == "__main__":
    serve(run)
