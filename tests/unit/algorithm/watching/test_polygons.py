from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.algorithm.watching.polygons import Polygons, to_plane
from edged.errors import AlgorithmError

SQUARE = ((0.2, 0.2), (0.6, 0.2), (0.6, 0.6), (0.2, 0.6))

on_grid = st.integers(0, 40).map(lambda step: step / 40)
corners = st.lists(st.tuples(on_grid, on_grid), min_size=3, max_size=12)
places = st.tuples(st.floats(0, 1), st.floats(0, 1))


def inside(polygon: tuple[tuple[float, float], ...], point: tuple[float, float]) -> bool:
    within, _ = Polygons({"zone": polygon}, 1.0).measure(np.array([point]))
    return bool(within[0, 0])


def winds_oddly(polygon: list[tuple[float, float]], x: float, y: float) -> bool:
    """Even-odd with a ray to the right, edge by edge."""
    odd = False
    for (x1, y1), (x2, y2) in zip(polygon, polygon[1:] + polygon[:1], strict=True):
        if (y1 > y) != (y2 > y) and x < x1 + (y - y1) * (x2 - x1) / (y2 - y1):
            odd = not odd
    return odd


def distance_to_edges(polygon: list[tuple[float, float]], x: float, y: float) -> float:
    nearest = math.inf
    for (x1, y1), (x2, y2) in zip(polygon, polygon[1:] + polygon[:1], strict=True):
        length = (x2 - x1) ** 2 + (y2 - y1) ** 2
        along = 0 if length == 0 else ((x - x1) * (x2 - x1) + (y - y1) * (y2 - y1)) / length
        along = min(max(along, 0.0), 1.0)
        nearest = min(nearest, math.hypot(x - x1 - along * (x2 - x1), y - y1 - along * (y2 - y1)))
    return nearest


@given(corners, st.lists(places, min_size=1, max_size=8))
def test_any_polygon_agrees_with_a_plain_even_odd_rule(
    polygon: list[tuple[float, float]], points: list[tuple[float, float]]
) -> None:
    try:
        polygons = Polygons({"other": SQUARE, "zone": polygon}, 1.0)
    except AlgorithmError:
        xs, ys = np.array(polygon).T
        middles = [(x / 80 + 0.003, y / 80 + 0.002) for x in range(80) for y in range(80)]
        clear = [place for place in middles if distance_to_edges(polygon, *place) > 1e-6]
        assert np.ptp(xs) == 0 or np.ptp(ys) == 0 or not any(winds_oddly(polygon, *place) for place in clear)
        return
    within, distances = polygons.measure(np.array(points))
    for row, (x, y) in enumerate(points):
        expected = distance_to_edges(polygon, x, y)
        assert distances[row, 1] == pytest.approx(expected, abs=1e-9)
        if expected > 1e-6:
            assert within[row, 1] == winds_oddly(polygon, x, y)


@given(st.lists(st.floats(0.05, 0.45), min_size=5, max_size=5), st.lists(places, min_size=1, max_size=8))
def test_simple_polygons_agree_with_opencv(radii: list[float], points: list[tuple[float, float]]) -> None:
    turns = np.arange(5) * 2 * math.pi / 5
    star = np.stack([0.5 + radii * np.cos(turns), 0.5 + radii * np.sin(turns)], axis=1)
    within, distances = Polygons({"star": star.tolist()}, 1.0).measure(np.array(points))
    for row, point in enumerate(points):
        theirs = cv2.pointPolygonTest(star.astype(np.float32), point, True)
        if abs(theirs) > 1e-5:
            assert within[row, 0] == (theirs > 0)
            assert distances[row, 0] == pytest.approx(abs(theirs), abs=1e-5)


@pytest.mark.parametrize("point", [(0.2, 0.4), (0.6, 0.4), (0.4, 0.2), (0.4, 0.6), *SQUARE])
def test_a_point_on_the_edge_is_inside(point: tuple[float, float]) -> None:
    assert inside(SQUARE, point)


def test_a_zone_reaches_to_the_edge_of_the_frame() -> None:
    assert inside(((0.0, 0.5), (1.0, 0.5), (1.0, 1.0), (0.0, 1.0)), (0.3, 1.0))


def test_both_halves_of_a_bow_tie_are_inside() -> None:
    bow_tie = ((0.1, 0.1), (0.9, 0.9), (0.9, 0.1), (0.1, 0.9))
    assert inside(bow_tie, (0.2, 0.5))
    assert inside(bow_tie, (0.8, 0.5))
    assert not inside(bow_tie, (0.5, 0.2))
    assert not inside(bow_tie, (0.5, 0.8))


def test_what_a_polygon_winds_around_twice_is_outside() -> None:
    turns = [
        (0.5 + 0.4 * math.sin(k * 0.8 * math.pi), 0.5 - 0.4 * math.cos(k * 0.8 * math.pi)) for k in range(5)
    ]
    assert not inside(tuple(turns), (0.5, 0.5))
    assert inside(tuple(turns), (0.5, 0.2))


@pytest.mark.parametrize(
    "corners",
    [
        ((0.1, 0.1), (0.2, 0.2), (0.7, 0.7)),
        ((0.1, 0.5), (0.4, 0.5), (0.9, 0.5)),
        ((0.3, 0.1), (0.3, 0.4), (0.3, 0.9)),
        ((0.3, 0.1), (0.3, 0.1), (0.3, 0.1)),
        ((0.1, 0.1), (0.7, 0.5), (0.1, 0.1), (0.5, 0.7)),
    ],
)
def test_a_zone_without_area_is_an_error_that_names_it(corners: tuple[tuple[float, float], ...]) -> None:
    with pytest.raises(AlgorithmError, match="'door' has no area"):
        Polygons({"door": corners}, 16 / 9)


def test_distances_are_the_same_in_both_directions_of_a_wide_frame() -> None:
    points = to_plane([(0.1, 0.4), (0.4, 0.1)], 2.0)
    _, distances = Polygons({"zone": SQUARE}, 2.0).measure(points)
    assert distances[:, 0].tolist() == pytest.approx([0.2, 0.1])


def test_many_points_are_measured_in_parts() -> None:
    circle = [(0.5 + 0.4 * math.cos(k / 40), 0.5 + 0.4 * math.sin(k / 40)) for k in range(250)]
    polygons = Polygons({str(n): circle for n in range(20)}, 1.0)
    points = np.random.default_rng(5).random((1000, 2))
    within, distances = polygons.measure(points)
    assert within.shape == distances.shape == (1000, 20)
    expected = np.linalg.norm(points - 0.5, axis=1) < 0.4
    assert (within == expected[:, None]).mean() > 0.99


def test_no_polygons_and_no_points() -> None:
    assert Polygons({}, 1.0).measure(np.zeros((3, 2)))[0].shape == (3, 0)
    assert Polygons({"zone": SQUARE}, 1.0).measure(np.zeros((0, 2)))[1].shape == (0, 1)
