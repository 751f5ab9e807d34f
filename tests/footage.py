"""Portions of the real footage, as it is or encoded again in another range, matrix or size."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av


@dataclass(frozen=True)
class Encoding:
    """How a portion is encoded again: correctly converted, and marked as what it is."""

    full_range: bool = False
    bt709: bool = False
    size: tuple[int, int] | None = None
    """Default: as it was."""


def cut(source: Path, target: Path, from_s: float, to_s: float) -> Path:
    """The packets from the keyframe at ``from_s`` on, untouched, with times from 0."""
    with av.open(str(source)) as container, av.open(str(target), "w") as out:
        came = container.streams.video[0]
        stream = out.add_stream_from_template(came)
        base = came.time_base
        assert base is not None
        first = round(from_s / base)
        container.seek(first, stream=came)
        for packet in container.demux(came):
            if packet.dts is None or packet.pts is None or packet.pts < first:
                continue
            if packet.pts * base >= to_s:
                break
            packet.pts, packet.dts, packet.stream = packet.pts - first, packet.dts - first, stream
            out.mux(packet)
    return target


def encode_again(
    source: Path, target: Path, encoding: Encoding, *, step: int = 1, most: int | None = None
) -> Path:
    """Every ``step``-th frame of ``source``, which is BT.601 in limited range, in another way."""
    with av.open(str(source)) as container, av.open(str(target), "w") as out:
        came = container.streams.video[0]
        options = {"crf": "12", "preset": "veryfast"}
        stream = out.add_stream("libx264", rate=came.average_rate, options=options)
        stream.width, stream.height = encoding.size or (came.width, came.height)
        stream.pix_fmt = "yuvj420p" if encoding.full_range else "yuv420p"
        stream.codec_context.colorspace = 1 if encoding.bt709 else 5
        stream.codec_context.color_range = 2 if encoding.full_range else 1
        chosen = itertools.islice(container.decode(came), 0, most and step * most, step)
        for index, picture in enumerate(chosen):
            made = picture.reformat(
                stream.width,
                stream.height,
                stream.pix_fmt,
                "ITU601",
                "ITU709" if encoding.bt709 else "ITU601",
                src_color_range="MPEG",
                dst_color_range="JPEG" if encoding.full_range else "MPEG",
            )
            made.pts, made.time_base = index, 1 / Fraction(came.average_rate or 25)
            out.mux(stream.encode(made))
        out.mux(stream.encode(None))
    return target
