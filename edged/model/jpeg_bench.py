"""What `edged bench jpeg` asks of the child that encodes and detects, and its answers."""

from __future__ import annotations

from dataclasses import dataclass

QUALITIES = tuple(range(20, 101, 10))


@dataclass(frozen=True, slots=True)
class JpegRequest:
    """Encode frames of 1080p at each quality, and look what models see in them afterwards."""

    footage: tuple[str, ...] = ()
    """Absolute paths of pictures and videos; none: pictures that are made."""
    models: tuple[str, ...] = ()
    """Absolute paths."""
    qualities: tuple[int, ...] = QUALITIES
    frames: int = 12
    """Of each video, spread over all of it; or so many that are made."""
    cache: str = ""
    """Folder for engines; empty: none is kept."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """What a model sees in the pictures, beside what it sees in the same frames before."""

    boxes: int
    """In the frames,"""
    kept: int
    """of these found again, with the same label, at IoU ≥ 0.5,"""
    kept_well: int
    """and at IoU ≥ 0.9."""
    extra: int
    """Found that was not there before."""
    score_change: float
    """Mean of how far the scores of those that were kept moved, up or down."""


@dataclass(frozen=True, slots=True)
class JpegRow:
    """One quality and sampling, over all frames."""

    quality: int
    sampling: str
    """4:2:0 | 4:4:4"""
    bytes: int
    """Mean,"""
    least_bytes: int
    most_bytes: int
    encode_ms: float
    """Median, from the planes of the frame."""
    likeness: tuple[Likeness, ...]
    """Of each model."""


@dataclass(frozen=True, slots=True)
class JpegReport:
    """The answer. With ``error`` the rest is empty."""

    error: str = ""
    code: str = ""
    frames: int = 0
    rows: tuple[JpegRow, ...] = ()


@dataclass(frozen=True, slots=True)
class JpegUpdate:
    """How far it is; the last has a report."""

    done: int = 0
    total: int = 0
    report: JpegReport | None = None
