"""How a source's pictures become the frames that jobs see."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Intake:
    """What a source's spec says of it."""

    size: tuple[int, int] | None = None
    """Width and height in pixels that every picture is scaled to; None: as it comes."""
    fps: float | None = None
    """The most frames per second; pictures beyond are no frames, and not counted. None: all are."""
