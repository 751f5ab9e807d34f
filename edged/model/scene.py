"""What a source's picture means: zones, lines, masks and where its pixels lie on the ground."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

Point: TypeAlias = tuple[float, float]
"""x and y in fractions of the frame, from its upper left corner."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """At least four points of the picture, and where they lie on flat ground."""

    image: tuple[Point, ...]
    ground: tuple[tuple[float, float], ...]
    """Metres; any origin and any two directions at right angles."""


@dataclass(frozen=True, slots=True)
class Scene:
    """As the source's spec has it now. Changes while jobs run: ask for it at each run."""

    zones: dict[str, tuple[Point, ...]] = field(default_factory=dict)
    """Polygons by name."""
    lines: dict[str, tuple[Point, ...]] = field(default_factory=dict)
    """Two points each, by name; ``in`` is from left to right, looking from the first to the second."""
    masks: dict[str, tuple[Point, ...]] = field(default_factory=dict)
    """Polygons that are black in every frame already."""
    calibration: Calibration | None = None
