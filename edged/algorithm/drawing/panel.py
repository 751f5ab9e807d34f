"""A corner of the picture in figures: how many of what, what was counted in total, and a caption."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any

from edged.algorithm.drawing.canvas import Canvas
from edged.algorithm.drawing.pen import DARK, Pen
from edged.algorithm.drawing.placing import Room
from edged.algorithm.drawing.scenery import line_in_words, zone_in_words
from edged.algorithm.drawing.text import Plate, draw_plate
from edged.model.detection import Detection
from edged.model.scene import Scene

_MOST_LABELS = 5
_MOST_SHARE = 0.06
"""Of the picture."""


def draw_panel(canvas: Canvas, lines: Sequence[str], room: Room, pen: Pen) -> None:
    """In the lower left corner, the first lines of ``lines`` for which there is room."""
    kept = list(lines)
    while kept:
        plate = Plate.of(kept, pen)
        corner = (pen.margin_px, canvas.height - plate.height - pen.margin_px)
        is_small = plate.width * plate.height <= canvas.height * canvas.width * _MOST_SHARE
        if is_small and (found := room.find((plate.width, plate.height), [corner])):
            draw_plate(canvas, plate, found, DARK, pen)
            return
        kept.pop()


def panel_lines(
    detections: Sequence[Detection],
    data: Mapping[str, Any],
    counts: Mapping[str, Mapping[str, Any]],
    scene: Scene | None,
    caption: str,
) -> Iterator[str]:
    """The caption, what the frame as a whole shows, the labels by number, and the counts that have no place
    in the picture.
    """
    if caption:
        yield caption
    yield from islice(_of_the_frame(data), _MOST_LABELS)
    labels = Counter(found.label or "objects" for found in detections).most_common()
    for label, count in labels[:_MOST_LABELS]:
        yield f"{label}: {count}"
    if len(labels) > _MOST_LABELS:
        yield f"others: {sum(count for _, count in labels[_MOST_LABELS:])}"
    for name, count in counts["zones"].items():
        if scene is None or name not in scene.zones:
            yield zone_in_words(name, count)
    for name, count in counts["lines"].items():
        if scene is None or name not in scene.lines:
            yield line_in_words(name, count)


def _of_the_frame(data: Mapping[str, Any]) -> Iterator[str]:
    """``closed 80%`` for classes of the frame, ``person 14%`` for the share of it that is one."""
    lists = (found for found in data.values() if isinstance(found, list))
    for one in chain.from_iterable(lists):
        if isinstance(one, Mapping) and "label" in one and "box" not in one:
            share = one.get("score", one.get("area"))
            if isinstance(share, int | float):
                yield f"{one['label']} {share:.0%}"
