"""The same drawing on many frames: those between two runs show what the last one found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edged.algorithm.drawing.canvas import Plane, Sketch
from edged.algorithm.drawing.picture import draw_scene
from edged.algorithm.trails import Trail
from edged.model.detection import Outcome
from edged.model.frame import FrameFormat
from edged.model.scene import Scene


@dataclass(frozen=True, slots=True)
class _Subject:
    """All that decides what is drawn."""

    size: tuple[int, ...]
    layout: FrameFormat
    scene: Scene | None
    outcome: Outcome
    trails: Sequence[Trail]


class Sketchbook:
    """Remembers the last sketch. Belongs to one thread."""

    def __init__(self) -> None:
        self._last: tuple[_Subject, Sketch] | None = None

    def draw(
        self,
        planes: Sequence[Plane],
        layout: FrameFormat,
        scene: Scene | None,
        outcome: Outcome,
        trails: Sequence[Trail],
    ) -> None:
        """As `draw_scene`, on Y, U and V in the range and the matrix of ``layout``.

        What cannot be drawn raises the first time; all the rest of it is drawn all the same, now and later.
        """
        height, width = planes[0].shape
        subject = _Subject((width, height), layout, scene, outcome, trails)
        if self._last is not None and self._last[0] == subject:
            self._last[1].onto(planes)
            return
        sketch = Sketch(width, height, layout)
        self._last = (subject, sketch)
        try:
            draw_scene(sketch, scene, outcome, trails)
        finally:
            sketch.onto(planes)
