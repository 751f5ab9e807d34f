"""A long video in parts that begin with keyframes, so that several workers decode it at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from edged.errors import EdgedError
from edged.offline.reading.footage import open_video
from edged.offline.reading.reader import Span

_LEAST_US = 5_000_000
"""Shorter parts would cost more to hand over than they save."""
_PARTS_PER_WORKER = 6
"""So that nobody waits long for the last; each worker passes over the packets before its part, which costs
a hundredth of decoding them."""
_FIRST = 32
"""The first picture is among so many packets."""


def cut(keyframes_us: Iterable[int], span: Span, least_us: int) -> tuple[Span, ...]:
    """``span`` in parts of at least ``least_us`` that begin with keyframes, without gaps. Pure.

    What is not at a keyframe is right, too, but is decoded twice.
    """
    borders: list[int] = []
    before = span.start_us
    for at_us in keyframes_us:
        if at_us - before >= least_us and span.holds(at_us):
            borders.append(at_us)
            before = at_us
    return tuple(
        Span(start, end)
        for start, end in zip((span.start_us, *borders), (*borders, span.end_us), strict=True)
    )


def parts_of(url: str, span: Span, workers: int) -> tuple[Span, ...]:
    """Reads all packets, decodes none. A video that cannot be read is one part: whoever gets it says why."""
    try:
        keyframes_us, end_us = _keyframes(url)
    except (EdgedError, OSError):
        return (span,)
    end_us = min(end_us, span.end_us if span.end_us is not None else end_us)
    return cut(keyframes_us, span, max(_LEAST_US, (end_us - span.start_us) // (workers * _PARTS_PER_WORKER)))


def _keyframes(url: str) -> tuple[Sequence[int], int]:
    """Where they are on the video's own clock, and where the last picture is."""
    stamps: list[int] = []
    keyed: list[int] = []
    with open_video(url, threads=1) as video:
        for packet in video.packets():
            if packet.pts is None:
                return (), 0
            stamps.append(video.microseconds(packet.pts))
            if video.is_keyframe(packet):
                keyed.append(stamps[-1])
    zero_us = min(stamps[:_FIRST], default=0)
    return sorted(at_us - zero_us for at_us in keyed), max(stamps, default=0) - zero_us
