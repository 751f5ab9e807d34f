"""PROCESS, short-lived: decodes a film and does nothing else, for `edged bench` to compare with."""

from __future__ import annotations

import time
from collections.abc import Iterator

import av
import av.error
from av.container import InputContainer
from av.video.stream import VideoStream

from edged.capture.pacing import Pacer
from edged.model.bench import DecodeReport, DecodeRequest
from edged.supervise.channel import Channel
from edged.supervise.child import serve
from edged.supervise.heartbeat import Heartbeat
from edged.supervise.wire import Decoder

_ASKED_WITHIN_S = 10.0
_PATIENCE_S = 30.0
_EXTEND_EVERY_US = 1_000_000


def run(channel: Channel, heartbeat: Heartbeat) -> None:
    """Answer one `DecodeRequest` with a `DecodeReport`."""
    packet = channel.receive(wait_s=_ASKED_WITHIN_S)
    if packet is None:
        return
    request = Decoder([DecodeRequest]).decode(packet.body)
    if isinstance(request, DecodeRequest):
        with heartbeat.doing("decode", _PATIENCE_S, lane=0):
            report = decode(request, heartbeat)
        channel.send(report, wait_s=1.0)


def decode(request: DecodeRequest, heartbeat: Heartbeat) -> DecodeReport:
    """What decoding costs: the CPU time of this process between two frames of the film."""
    pacer = Pacer()
    first_us, until_us = int(request.warm_up_s * 1e6), int((request.warm_up_s + request.seconds) * 1e6)
    begun: tuple[float, float, int] | None = None
    extend_us = frames = 0
    try:
        for film_us in _frames(request.path):
            if request.paced:
                time.sleep(max(0, pacer.due_ns(film_us, time.monotonic_ns()) - time.monotonic_ns()) / 1e9)
            if film_us >= extend_us:
                heartbeat.extend(_PATIENCE_S)
                extend_us = film_us + _EXTEND_EVERY_US
            if begun is None and film_us >= first_us:
                begun = (time.process_time(), time.monotonic(), film_us)
            elif begun is not None:
                frames += 1
                if film_us >= until_us:
                    return _report(begun, film_us, frames)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        return DecodeReport(error=str(error))
    return DecodeReport(error="no picture in it could be decoded")


def _report(begun: tuple[float, float, int], film_us: int, frames: int) -> DecodeReport:
    cpu_s, wall_s, since_us = begun
    return DecodeReport(
        cpu_s=time.process_time() - cpu_s,
        wall_s=time.monotonic() - wall_s,
        film_s=(film_us - since_us) / 1e6,
        frames=frames,
    )


def _frames(path: str) -> Iterator[int]:
    """Decode the film over and over; of each picture its time in microseconds, which goes on rising."""
    with av.open(f"file:{path}") as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_type = "SLICE"  # the same as a capture: one thread, no frames held back
        stream.codec_context.thread_count = 1
        rate = stream.average_rate or stream.guessed_rate
        frame_us = int(1_000_000 / rate) if rate else 40_000
        offset_us = 0
        while True:
            last_us = None
            for film_us in _once(container, stream, frame_us):
                last_us = film_us
                yield offset_us + film_us
            if last_us is None:
                return
            offset_us += last_us + frame_us
            container.seek(0)


def _once(container: InputContainer, stream: VideoStream, frame_us: int) -> Iterator[int]:
    first_us: int | None = None
    film_us = -frame_us
    for frame in container.decode(stream):
        stamp_us = film_us + frame_us if frame.time is None else int(frame.time * 1e6)
        first_us = stamp_us if first_us is None else first_us
        film_us = stamp_us - first_us
        yield film_us


if __name__ == "__main__":
    serve(run)
