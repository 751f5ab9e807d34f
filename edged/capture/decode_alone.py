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
    try:
        return _measure(request, _played(request, heartbeat))
    except (av.error.FFmpegError, OSError, ValueError, IndexError) as error:
        return DecodeReport(error=str(error))


def _measure(request: DecodeRequest, played: Iterator[int]) -> DecodeReport:
    first_us = int(request.warm_up_s * 1e6)
    since_us = next((film_us for film_us in played if film_us >= first_us), None)
    if since_us is None:
        return DecodeReport(error="no picture in it could be decoded")
    until_us = since_us + int(request.seconds * 1e6)
    cpu_s, wall_s = time.process_time(), time.monotonic()
    frames, film_us = 0, since_us
    for film_us in played:
        frames += 1
        if film_us >= until_us:
            break
    return DecodeReport(
        cpu_s=time.process_time() - cpu_s,
        wall_s=time.monotonic() - wall_s,
        film_s=(film_us - since_us) / 1e6,
        frames=frames,
    )


def _played(request: DecodeRequest, heartbeat: Heartbeat) -> Iterator[int]:
    """The times of the pictures, each when it is due."""
    pacer = Pacer()
    extend_us = 0
    for film_us in _frames(request.path):
        if request.paced:
            now_ns = time.monotonic_ns()
            time.sleep(max(0, pacer.due_ns(film_us, now_ns) - now_ns) / 1e9)
        if film_us >= extend_us:
            heartbeat.extend(_PATIENCE_S)
            extend_us = film_us + _EXTEND_EVERY_US
        yield film_us


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
