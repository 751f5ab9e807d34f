"""What was found: boxes, keypoints, trails, and a label at each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edged.algorithm.drawing.canvas import Canvas, Places
from edged.algorithm.drawing.pen import DARK, Bgr, Pen, color_of, color_of_track
from edged.algorithm.drawing.placing import Rect, Room, around
from edged.algorithm.drawing.text import Plate, draw_plate
from edged.algorithm.trails import Trail
from edged.model.detection import Detection

_MOST_ATTRIBUTES = 3
_PLATE_OF_PICTURE = 0.02
"""The share of the picture that a label may take, unless its box is large."""
_DOT_OF_BOX = 1 / 16
"""Of the shorter side of its box a keypoint's dot is no larger, so that a face can still be seen."""
_BANDS = 4
"""A trail fades in so many steps."""


def nearest_first(detections: Sequence[Detection]) -> list[Detection]:
    """The largest boxes first: what is near matters most, and its size changes slowly from frame to frame."""
    return sorted(detections, key=lambda found: -_area(found.box))


def pixels_of(detections: Sequence[Detection], canvas: Canvas, pen: Pen) -> list[Rect]:
    """Their boxes in pixels, each with its whole line inside the picture; also of those that are empty, are
    turned round, reach out of it or are no numbers.
    """
    shares = np.array([found.box for found in detections], dtype=np.float64).reshape(-1, 2, 2)
    shares = np.sort(np.clip(np.nan_to_num(shares, nan=0.0), 0.0, 1.0), axis=1)
    edge, size = pen.line_px // 2, np.array([canvas.width, canvas.height])
    places = np.clip(np.rint(shares * size).astype(int), edge, np.maximum(size - 1 - edge, edge))
    corners = np.minimum(places, size - 1).reshape(-1, 4).tolist()
    return [(left, top, right, bottom) for left, top, right, bottom in corners]


def draw_trails(canvas: Canvas, trails: Sequence[Trail], pen: Pen) -> None:
    """Each in the colour of its track, thinner and darker the longer ago."""
    bands: list[dict[Bgr, list[Places]]] = [{} for _ in range(_BANDS)]
    for trail in trails:
        for band, way in _ways(trail, canvas, pen):
            bands[band].setdefault(color_of_track(trail.track_id), []).append(way)
    widths = [max(1, round(1.5 * pen.line_px * (1 - band / _BANDS))) for band in range(_BANDS)]
    for width, ways in zip(reversed(widths), reversed(bands), strict=True):
        canvas.lines([way for same in ways.values() for way in same], DARK, width + 2)
    for band in reversed(range(_BANDS)):
        for color, same in bands[band].items():
            canvas.lines(same, _faded(color, 1 - band / (2 * _BANDS)), widths[band])


def draw_boxes(canvas: Canvas, nearest: Sequence[Detection], boxes: Sequence[Rect], pen: Pen) -> None:
    """The nearest first, so that a small box is not hidden by a large one. ``boxes``: their `pixels_of`."""
    for found, box in zip(nearest, boxes, strict=True):
        canvas.box(box, DARK, pen.halo_px)
        canvas.box(box, color_of(found), pen.line_px)
    for found in nearest:
        if found.keypoints:
            _draw_keypoints(canvas, found, pen)


def draw_labels(
    canvas: Canvas, nearest: Sequence[Detection], boxes: Sequence[Rect], room: Room, pen: Pen
) -> None:
    """At each box as much as there is room for: all lines, or its name, or nothing in the thickest crowd."""
    heads = _heads(boxes)
    for found, inner in zip(nearest, boxes, strict=True):
        box = _outer(inner, pen)
        for plate in _plates(found, box, canvas, pen):
            size = (plate.width, plate.height)
            corner = room.find(size, around(box, size), heads)
            if corner is not None:
                draw_plate(canvas, plate, corner, color_of(found), pen)
                break


def _heads(boxes: Sequence[Rect]) -> NDArray[np.int64]:
    """Where a head or a face is in each: the middle of its upper quarter. Hidden last of all."""
    left, top, right, bottom = np.array(boxes, dtype=np.int64).reshape(-1, 4).T
    aside, down = (right - left) // 4, (bottom - top) // 4
    return np.column_stack((left + aside, top + down // 4, right - aside, top + down))


def _plates(found: Detection, box: Rect, canvas: Canvas, pen: Pen) -> Iterator[Plate]:
    """What may be written at it, the most first: never so much that nothing is left of a small picture."""
    left, top, right, bottom = box
    most = max(canvas.height * canvas.width * _PLATE_OF_PICTURE, (right - left) * (bottom - top) / 2)
    *longer, shortest = (Plate.of(lines, pen) for lines in wordings_of(found))
    yield from (plate for plate in longer if plate.width * plate.height <= most)
    yield shortest


def wordings_of(found: Detection) -> Iterator[tuple[str, ...]]:
    """The lines that may be written at it, the most first."""
    number = "" if found.track_id is None else f"#{found.track_id}"
    first = " ".join(part for part in (found.label, number, f"{found.score:.0%}") if part)
    attributes = tuple(_attributes(found.attributes))
    if attributes:
        yield (first, *attributes)
    yield (first,)
    if number or found.label:
        yield (number or found.label,)


def _attributes(attributes: Mapping[str, Any]) -> Iterator[str]:
    """``helmet: no 80%`` or ``speed: 1.2 m/s`` for each of the first few that say something to people."""
    worded = ((name, _in_words(value)) for name, value in attributes.items())
    for name, words in islice(((name, words) for name, words in worded if words), _MOST_ATTRIBUTES):
        yield f"{name}: {words}"


def _in_words(value: Any) -> str:
    """Empty for what is for programs only, such as an embedding."""
    if isinstance(value, Mapping):
        score = value.get("score")
        share = f"{score:.0%}" if isinstance(score, int | float) else ""
        told = _in_words(value["label"] if "label" in value else value.get("value"))
        return " ".join(part for part in (told, str(value.get("unit", "")), share) if part) if told else ""
    if isinstance(value, float):
        return f"{value:.3g}"
    return str(value) if isinstance(value, str | bool | int) else ""


def _ways(trail: Trail, canvas: Canvas, pen: Pen) -> Iterator[tuple[int, Places]]:
    """Its parts, by how long ago: 0 is the newest band."""
    shares = np.clip(np.array(trail.places), 0, 1)
    places = np.rint(shares * (canvas.width - 1, canvas.height - 1)).astype(np.int32)
    bands = np.minimum((np.array(trail.ages) * _BANDS).astype(int), _BANDS - 1)
    moved = _moved(places.tolist(), pen.letter_px / 2)
    if len(moved) < 2:
        return
    places, bands = places[moved], bands[moved]
    for band in range(_BANDS):
        within = np.flatnonzero(bands == band)
        if len(within):
            # up to the first place of the band that is newer, so that the way has no gaps
            yield band, places[within[0] : within[-1] + 2].reshape(-1, 1, 2)


def _moved(places: Sequence[Sequence[int]], least_px: float) -> list[int]:
    """Which of ``places`` are so far from the one before: of who stands there remains no scribble."""
    kept = [0]
    for number, (x, y) in enumerate(places):
        last_x, last_y = places[kept[-1]]
        if abs(x - last_x) + abs(y - last_y) >= least_px:
            kept.append(number)
    return kept


def _faded(color: Bgr, share: float) -> Bgr:
    blue, green, red = color
    return round(blue * share), round(green * share), round(red * share)


def _draw_keypoints(canvas: Canvas, found: Detection, pen: Pen) -> None:
    left, top, right, bottom = found.box
    side_px = min((right - left) * canvas.width, (bottom - top) * canvas.height)
    color, radius = color_of(found), round(max(1.0, min(1.5 * pen.line_px, side_px * _DOT_OF_BOX)))
    for x, y, score in found.keypoints:
        if score > 0 and 0 <= x <= 1 and 0 <= y <= 1:
            center = (round(x * canvas.width), round(y * canvas.height))
            canvas.dot(center, radius + max(1, min(radius, pen.line_px) // 2), DARK)
            canvas.dot(center, radius, color)


def _outer(box: Rect, pen: Pen) -> Rect:
    """With its coloured line."""
    left, top, right, bottom = box
    edge = pen.line_px // 2
    return left - edge, top - edge, right + edge + 1, bottom + edge + 1


def _area(box: Sequence[float]) -> float:
    area = (box[2] - box[0]) * (box[3] - box[1])
    return area if area > 0 else 0.0
