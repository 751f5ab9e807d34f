"""Packets for tests that look at nothing but their size and times."""

from __future__ import annotations

import io
from fractions import Fraction
from functools import cache

import av

from edged.capture.recording.kept import Kept, Shape

MS = 1_000_000


@cache
def shape() -> Shape:
    """Always the same; of 1 ms a tick."""
    holder = av.open(io.BytesIO(), "w", format="matroska")
    template = holder.add_stream("libx264", rate=25)
    return Shape("h264", template, holder, Fraction(1, 1000), None, (64, 48))


def kept(at_ms: int, *, keyframe: bool = False, size: int = 10, of: Shape | None = None) -> Kept:
    return Kept(av.Packet(size), of or shape(), keyframe, at_ms * MS, at_ms, at_ms, 40)


def groups(count: int, *, each: int = 5, step_ms: int = 40, size: int = 10) -> list[Kept]:
    """``count`` groups of ``each`` packets."""
    return [kept(n * step_ms, keyframe=n % each == 0, size=size) for n in range(count * each)]
