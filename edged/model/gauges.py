"""Indexes of a capture's gauges on its heartbeat page; main reads them without asking."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class CaptureGauge(IntEnum):
    """64-bit words; each has one writer, the capture."""

    FRAMES = 0
    """Frames of the source so far in this process, after its fps cap."""
    DECODED = 1
    COPIED = 2
    """Frames written to the track."""
    DROPPED = 3
    """Frames not decoded because decoding fell behind, and frames due that found no free slot or no track."""
    RECONNECTS = 4
    LAST_FRAME_NS = 5
    """Monotonic time of the newest frame; 0: none yet."""
    EPOCH = 6
    INDEX = 7
    KEY_INDEX = 8
    PTS_US = 9
    KEYFRAMES = 10
    """Of the packets."""
    PACKETS = 11
    """One for each frame that the source sends, before its fps cap."""
    DECODE_NS = 12
    """CPU time spent decoding."""
    UNRECORDED = 13
    """Packets that were to be recorded and are not, because the disk was full or too slow."""


@dataclass(frozen=True, slots=True)
class CaptureCounters:
    """A snapshot of the gauges."""

    frames: int = 0
    decoded: int = 0
    copied: int = 0
    dropped: int = 0
    reconnects: int = 0
    last_frame_ns: int = 0
    packets: int = 0
    keyframes: int = 0
    decode_ns: int = 0


@dataclass(frozen=True, slots=True)
class KeyframeGain:
    """What sampling on keyframes would save."""

    share: float
    """Of the frames that are keyframes, 0–1."""
    saves_cpu: float | None = None
    """Cores; None: unknown, or only keyframes are decoded already."""
