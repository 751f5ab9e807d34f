"""Whether what is drawn onto a source can be meant: plane geometry that needs no numpy."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, pairwise

from edged.model.scene import Point

_LEAST = 1e-9
"""What is narrower is nothing, whatever the rounding."""
_FLAT = 1e-6
"""A triangle this small, in proportion to the square of all points' extent, is a line."""
_HEIGHTS = (0.382, 0.707)
"""Where a strip between two corners is cut; edges that cross hide no area at both."""


def has_area(corners: Sequence[Point]) -> bool:
    """Whether a polygon has an inside at all, by even-odd: a bow tie has, a line there and back has not."""
    edges = list(zip(corners, [*corners[1:], *corners[:1]], strict=True))
    heights = sorted({y for _, y in corners})
    return any(
        _width(edges, top + share * (bottom - top)) > _LEAST
        for share in _HEIGHTS
        for top, bottom in pairwise(heights)
    )


def crossing_edges(corners: Sequence[Point]) -> tuple[int, int] | None:
    """Two edges of a polygon that cross, by the numbers of the corners, from 1, with which they begin; None
    where none do. Edges that only touch do not cross.
    """
    edges = list(zip(corners, [*corners[1:], *corners[:1]], strict=True))
    for (first, one), (second, other) in combinations(enumerate(edges, 1), 2):
        if _parts(one, *other) and _parts(other, *one):
            return first, second
    return None


def quadrangle_fault(image: Sequence[Point], ground: Sequence[Point]) -> str:
    """Why four points of a picture cannot be these four of flat ground; empty where they can.

    A camera sees every three of them turn the same way round, or every three the other way.
    """
    image_turns, ground_turns = _turns(image), _turns(ground)
    for name, turns in (("image", image_turns), ("ground", ground_turns)):
        if 0 in turns:
            return (
                f"three of the {name} points lie on one line or in one place;"
                " give four corners of something flat, such as a parking space"
            )
    if len({seen * real for seen, real in zip(image_turns, ground_turns, strict=True)}) > 1:
        return "the points turn the ground over; give image and ground points in the same order"
    return ""


def _width(edges: Sequence[tuple[Point, Point]], y: float) -> float:
    """Of the widest part of the inside at that height, which is no corner's."""
    xs = sorted(
        begin[0] + (y - begin[1]) / (end[1] - begin[1]) * (end[0] - begin[0])
        for begin, end in edges
        if (begin[1] < y) != (end[1] < y)
    )
    return max((right - left for left, right in zip(xs[::2], xs[1::2], strict=True)), default=0.0)


def _parts(edge: tuple[Point, Point], one: Point, other: Point) -> bool:
    """Whether the two points lie on different sides of the edge's line, clearly."""
    (x, y), (end_x, end_y) = edge
    sides = [(end_x - x) * (point[1] - y) - (end_y - y) * (point[0] - x) for point in (one, other)]
    return min(sides) < -_LEAST and max(sides) > _LEAST


def _turns(points: Sequence[Point]) -> list[int]:
    """Of each three: 1 and -1 are the two ways round, 0 is a line."""
    extent = max(max(values) - min(values) for values in zip(*points, strict=True))
    doubles = [
        (second[0] - first[0]) * (third[1] - first[1]) - (second[1] - first[1]) * (third[0] - first[0])
        for first, second, third in combinations(points, 3)
    ]
    return [0 if abs(double) <= _FLAT * extent**2 else 1 if double > 0 else -1 for double in doubles]
