"""One picture, from the bottom up: zones, lines, trails, boxes; then all text; then the masks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from edged.algorithm.drawing.canvas import Canvas
from edged.algorithm.drawing.objects import draw_boxes, draw_labels, draw_trails, nearest_first, pixels_of
from edged.algorithm.drawing.panel import draw_panel, panel_lines
from edged.algorithm.drawing.pen import Pen
from edged.algorithm.drawing.placing import Room
from edged.algorithm.drawing.scenery import cover_masks, draw_lines, draw_zones, name_scenery, take_masks
from edged.algorithm.trails import Trail
from edged.model.detection import Outcome
from edged.model.scene import Scene


def draw_scene(
    canvas: Canvas,
    scene: Scene | None,
    outcome: Outcome,
    trails: Sequence[Trail] = (),
    *,
    caption: str = "",
) -> None:
    """Draw on ``canvas``, of any size.

    ``scene`` is that of the source, with its masks, which stay black; ``outcome`` what was found on this
    frame, ``trails`` where its tracks were before; ``caption`` a line of text for the corner, such as the
    time. What is found may be such that this raises anything: the masks are black all the same. Whoever
    draws more on the picture calls `cover_masks` again afterwards.
    """
    try:
        _draw(canvas, scene, outcome, trails, caption)
    finally:
        cover_masks(canvas, scene)


def _draw(
    canvas: Canvas, scene: Scene | None, outcome: Outcome, trails: Sequence[Trail], caption: str
) -> None:
    pen = Pen.of(canvas.width, canvas.height)
    room = Room(canvas.width, canvas.height)
    counts = {"zones": _zones(outcome), "lines": _named(outcome, "lines")}
    nearest = nearest_first(outcome.detections or ())
    boxes = pixels_of(nearest, canvas, pen)
    if scene is not None:
        take_masks(scene, room)
        draw_zones(canvas, scene, counts["zones"], pen)
        draw_lines(canvas, scene, pen)
    draw_trails(canvas, trails, pen)
    draw_boxes(canvas, nearest, boxes, pen)
    draw_panel(canvas, list(panel_lines(nearest, outcome.data, counts, scene, caption)), room, pen)
    if scene is not None:
        name_scenery(canvas, scene, counts, room, pen)
    draw_labels(canvas, nearest, boxes, room, pen)


def _zones(outcome: Outcome) -> Mapping[str, Any]:
    """As they were counted, else of the zones that stand in the detections."""
    found = outcome.detections or ()
    return _named(outcome, "zones") or Counter(zone for one in found for zone in one.zones)


def _named(outcome: Outcome, key: str) -> Mapping[str, Any]:
    """What was counted by name; an own algorithm may put anything there."""
    found = outcome.counts.get(key)
    return found if isinstance(found, Mapping) else {}
