"""What `edged bench` asks of children that load FFmpeg, because main does not."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DecodeRequest:
    """Main → decode-alone child: decode a file in one thread, over and over, and do nothing else."""

    path: str
    warm_up_s: float
    """Seconds of the film before it is measured."""
    seconds: float
    """Seconds of the film that are measured."""
    paced: bool
    """At the rate it was recorded at, as a capture does; else as fast as it goes."""


@dataclass(frozen=True, slots=True)
class DecodeReport:
    """Decode-alone child → main. With ``error`` the rest is empty."""

    error: str = ""
    cpu_s: float = 0.0
    """CPU time (user and system) while measured."""
    wall_s: float = 0.0
    film_s: float = 0.0
    """How much of the film that was."""
    frames: int = 0


@dataclass(frozen=True, slots=True)
class FilmRequest:
    """Main → clip child: make a 1080p30 H.264 film of moving shapes and noise."""

    path: str
    """Appears only once it is complete."""
    seconds: float


@dataclass(frozen=True, slots=True)
class FilmReport:
    """Clip child → main."""

    error: str = ""
    frames: int = 0
