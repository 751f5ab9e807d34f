"""What people said of a source's picture: its zones, lines and masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edged.algorithm.drawing.canvas import Canvas, Places
from edged.algorithm.drawing.pen import BLACK, DARK, LIGHT, Pen
from edged.algorithm.drawing.placing import Room
from edged.algorithm.drawing.text import Plate, draw_plate
from edged.algorithm.frame import WHOLE, Box
from edged.model.scene import Point, Scene

_BRIGHTER = 0.2
"""How much white is mixed into a zone in which somebody is."""
_ARROW_LETTERS = 3.0
"""Length of a line's arrow, in letters."""
_FAR_PX = 1 << 20
"""Outside of any picture, and within what OpenCV can compute with."""
_MASK_CELLS = 64
"""Into so many cells a side the picture is cut to see where a mask leaves room for text."""


def cover_masks(canvas: Canvas, scene: Scene | None, part: Box = WHOLE) -> None:
    """Blacken what is masked, whatever was drawn there. The canvas shows ``part`` of the source's frames."""
    x_min, y_min, x_max, y_max = part
    for polygon in scene.masks.values() if scene else ():
        inside = (np.array(polygon, dtype=np.float64) - (x_min, y_min)) / (x_max - x_min, y_max - y_min)
        corners = np.clip(inside * (canvas.width - 1, canvas.height - 1), -_FAR_PX, _FAR_PX)
        canvas.fill(np.rint(corners).astype(np.int32).reshape(-1, 1, 2), BLACK)


def take_masks(scene: Scene, room: Room) -> None:
    """Let nothing be written where it would be covered."""
    if not scene.masks:
        return
    cells = np.zeros((_MASK_CELLS, _MASK_CELLS), dtype=np.uint8)
    for polygon in scene.masks.values():
        corners = np.array(polygon, dtype=np.float64) * _MASK_CELLS
        cv2.fillPoly(cells, [np.floor(corners).astype(np.int32)], 1)
    across, down = room.width / _MASK_CELLS, room.height / _MASK_CELLS
    for row in np.flatnonzero(cells.any(axis=1)).tolist():
        steps = np.diff(cells[row].astype(np.int8), prepend=0, append=0)
        begins, ends = np.flatnonzero(steps == 1).tolist(), np.flatnonzero(steps == -1).tolist()
        top, bottom = int(row * down), int((row + 1) * down) + 1
        for begin, end in zip(begins, ends, strict=True):
            room.take((int(begin * across), top, int(end * across) + 1, bottom))


def draw_zones(canvas: Canvas, scene: Scene, counts: Mapping[str, Any], pen: Pen) -> None:
    """Outlines; brighter inside where somebody is. ``counts``: how many, by zone."""
    zones = {name: _places(polygon, canvas) for name, polygon in scene.zones.items()}
    for name, polygon in zones.items():
        if counts.get(name):
            canvas.brighten(polygon, _BRIGHTER)
    outlines = list(zones.values())
    canvas.lines(outlines, DARK, pen.halo_px, closed=True)
    canvas.lines(outlines, LIGHT, max(1, pen.line_px // 2), closed=True)


def draw_lines(canvas: Canvas, scene: Scene, pen: Pen) -> None:
    """Each with an arrow toward ``in``: to the right, looking from its first point to its second."""
    for points in scene.lines.values():
        way = _places(points, canvas)
        arrow = _arrow(way, pen)
        for color, width in ((DARK, pen.halo_px + 2), (LIGHT, pen.line_px)):
            canvas.lines([way], color, width)
            canvas.arrow(arrow, color, width)


def name_scenery(
    canvas: Canvas, scene: Scene, counts: Mapping[str, Mapping[str, Any]], room: Room, pen: Pen
) -> None:
    """A plate at each line and zone: its name and what was counted there."""
    for name, points in scene.lines.items():
        text = line_in_words(name, counts["lines"].get(name))
        plate = Plate.of((text,), pen)
        _put(canvas, plate, _beside_line(_places(points, canvas), plate, pen), room, pen)
    for name, polygon in scene.zones.items():
        plate = Plate.of((zone_in_words(name, counts["zones"].get(name)),), pen)
        _put(canvas, plate, _in_zone(_places(polygon, canvas), plate, pen), room, pen)


def zone_in_words(name: str, count: Any) -> str:
    return name if count is None else f"{name}: {count}"


def line_in_words(name: str, count: Any) -> str:
    if not isinstance(count, Mapping):
        return name
    return f"{name}: in {count.get('in', 0)} out {count.get('out', 0)}"


def _put(canvas: Canvas, plate: Plate, corners: Sequence[tuple[int, int]], room: Room, pen: Pen) -> None:
    corner = room.find((plate.width, plate.height), corners)
    if corner is not None:
        draw_plate(canvas, plate, corner, DARK, pen)


def _places(points: Sequence[Point], canvas: Canvas) -> Places:
    shares = np.clip(np.array(points, dtype=np.float64), 0.0, 1.0)
    places = np.rint(shares * (canvas.width - 1, canvas.height - 1))
    return np.asarray(places, dtype=np.int32).reshape(-1, 1, 2)


def _middle(way: Places) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The middle of the middle stretch of a line, and which way ``in`` is: a vector of length 1."""
    points = way.reshape(-1, 2).astype(np.float64)
    first = (len(points) - 1) // 2
    begin, end = points[first], points[min(first + 1, len(points) - 1)]
    along = end - begin
    length = float(np.hypot(*along)) or 1.0
    return (begin + end) / 2, np.array([-along[1], along[0]]) / length


def _arrow(way: Places, pen: Pen) -> Places:
    middle, inward = _middle(way)
    tip = middle + inward * pen.letter_px * _ARROW_LETTERS
    return np.asarray(np.rint((middle, tip)), dtype=np.int32).reshape(-1, 1, 2)


def _beside_line(way: Places, plate: Plate, pen: Pen) -> list[tuple[int, int]]:
    """Across from the arrow, beyond its tip, or at one of the ends."""
    middle, inward = _middle(way)
    size = np.array([plate.width, plate.height])
    reach = np.abs(inward) @ size / 2 + pen.halo_px + pen.margin_px
    arrow = pen.letter_px * _ARROW_LETTERS
    centers = [middle - inward * reach, middle + inward * (reach + arrow)]
    centers += [point - inward * reach for point in way.reshape(-1, 2).astype(np.float64)]
    return [(round(x), round(y)) for x, y in (center - size / 2 for center in centers)]


def _in_zone(polygon: Places, plate: Plate, pen: Pen) -> list[tuple[int, int]]:
    """At the upper edge inside, else outside or at the lower one."""
    left, top, width, height = cv2.boundingRect(polygon)
    points = polygon.reshape(-1, 2)
    highest = int(points[np.lexsort((points[:, 0], points[:, 1]))[0]][0])
    edge = pen.halo_px
    inside = min(max(highest + edge, left), left + width - plate.width - edge)
    above, below = top - plate.height - edge // 2, top + height - plate.height - edge
    return [(inside, top + edge), (inside, above), (left + edge, below), (left, top + height)]
