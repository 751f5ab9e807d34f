"""What is in a film, for tests that compare it with its source."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av


@dataclass(frozen=True)
class Film:
    """Decoded from its beginning to its end."""

    codec: str
    tag: str
    times: list[float]
    """Of its pictures, in seconds."""
    keyframes: list[bool]
    pictures: list[str]
    """Hashes."""
    packets: int
    streams: int
    duration_s: float
    """As the file says."""
    sizes: set[tuple[int, int]]


def read_film(path: Path) -> Film:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        packets = [packet for packet in container.demux(stream) if packet.size]
        stream.codec_context.thread_count = 1
        frames = [frame for packet in packets for frame in stream.codec_context.decode(packet)]
        frames += stream.codec_context.decode(None)
        base = stream.time_base or Fraction(1)
        return Film(
            stream.codec_context.name,
            stream.codec_context.codec_tag,
            [float((frame.pts or 0) * base) for frame in frames],
            [bool(frame.key_frame) for frame in frames],
            [hashlib.sha256(frame.to_ndarray().tobytes()).hexdigest() for frame in frames],
            len(packets),
            len(container.streams),
            (container.duration or 0) / av.time_base,
            {(frame.width, frame.height) for frame in frames},
        )


def finished(folder: Path) -> list[Path]:
    """The films below a folder that are not being written, in the order of their names."""
    return sorted(path for path in folder.rglob("*.m*") if not path.name.startswith("."))
