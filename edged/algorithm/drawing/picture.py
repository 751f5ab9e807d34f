"""One picture, from the bottom up: zones, lines, trails, boxes; then all text; then the masks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from edged.algorithm.drawing.objects import draw_boxes, draw_labels, draw_trails, nearest_first, pixels_of
from edged.algorithm.drawing.panel import draw_panel, panel_lines
from edged.algorithm.drawing.pen import BgrPicture, Pen
from edged.algorithm.drawing.placing import Room
from edged.algorithm.drawing.scenery import cover_masks, draw_lines, draw_zones, name_scenery, take_masks
from edged.algorithm.trails import Trail
from edged.model.detection import Outcome
from edged.model.scene import Scene


def draw_scene(
    picture: BgrPicture,
    scene: Scene | None,
    outcome: Outcome,
    trails: Sequence[Trail] = (),
    *,
    caption: str = "",
) -> None:
    """Draw on ``picture``, BGR uint8 ``(height, width, 3)`` of any size, in place.

    ``scene`` is that of the source, with its masks, which stay black; ``outcome`` what was found on this
    frame, ``trails`` where its tracks were before; ``caption`` a line of text for the corner, such as the
    time. Whoever draws more on the picture calls `cover_masks` again afterwards.
    """
    pen = Pen.of(picture)
    room = Room(picture.shape[1], picture.shape[0])
    counts = {"zones": _zones(outcome), "lines": _named(outcome, "lines")}
    nearest = nearest_first(outcome.detections or ())
    boxes = pixels_of(nearest, picture, pen)
    if scene is not None:
        take_masks(scene, room)
        draw_zones(picture, scene, counts["zones"], pen)
        draw_lines(picture, scene, pen)
    draw_trails(picture, trails, pen)
    draw_boxes(picture, nearest, boxes, pen)
    draw_panel(picture, list(panel_lines(nearest, outcome.data, counts, scene, caption)), room, pen)
    if scene is not None:
        name_scenery(picture, scene, counts, room, pen)
    draw_labels(picture, nearest, boxes, room, pen)
    cover_masks(picture, scene)


def _zones(outcome: Outcome) -> Mapping[str, Any]:
    """As they were counted, else of the zones that stand in the detections."""
    found = outcome.detections or ()
    return _named(outcome, "zones") or Counter(zone for one in found for zone in one.zones)


def _named(outcome: Outcome, key: str) -> Mapping[str, Any]:
    """What was counted by name; an own algorithm may put anything there."""
    found = outcome.counts.get(key)
    return found if isinstance(found, Mapping) else {}
