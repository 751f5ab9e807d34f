"""Class maps: every function against a plain one, on masks of any form."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edged.algorithm import AlgorithmError
from edged.algorithm.class_map import best_classes, layout_of, mask_of, planes_of, polygons_of, runs_of

masks = hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12))


@pytest.mark.parametrize(
    ("shape", "width", "height", "layout"),
    [
        ((1, 257, 257, 21), 257, 257, "hwc"),
        ((1, 21, 65, 65), 520, 520, "chw"),
        ((1, 19, 128, 256), 2048, 1024, "chw"),
        ((1, 150, 128, 128), 512, 512, "chw"),
        ((1, 128, 128, 150), 512, 512, "hwc"),
        ((1, 1, 512, 1024), 1024, 512, "chw"),
        ((1, 512, 1024), 1024, 512, "map"),
        ((33, 33), 257, 257, "map"),
        ((1, 21, 33, 33), 257, 257, "chw"),
        ((1, 64, 64, 64), 64, 64, None),
        ((1, 1000), 224, 224, None),
        ((1, 3549, 85), 416, 416, None),
        ((1, 84, 8400), 640, 640, None),
        ((2, 21, 65, 65), 520, 520, None),
    ],
)
def test_layouts_are_told_by_their_proportions(shape: Any, width: int, height: int, layout: Any) -> None:
    assert layout_of(shape, width, height) == layout


@given(
    hnp.arrays(
        np.float32,
        st.tuples(st.integers(1, 30), st.integers(1, 6), st.integers(1, 6)),
        elements=st.sampled_from([-2.5, 0.0, 0.25, 1.0, 7.0]),
    ),
    st.booleans(),
)
def test_the_best_class_is_numpys(scores: Any, last: bool) -> None:
    planes = scores
    if last:
        planes = planes_of(np.ascontiguousarray(np.moveaxis(scores, 0, 2))[np.newaxis], "hwc")
    assert np.array_equal(best_classes(planes), scores.argmax(axis=0))


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_scores_that_are_no_numbers_are_refused(number: float) -> None:
    scores = np.zeros((3, 4, 4), dtype=np.float32)
    scores[1, 2, 2] = number
    with pytest.raises(AlgorithmError, match="NaN or infinite"):
        best_classes(scores)
    with pytest.raises(AlgorithmError, match="300 classes"):
        best_classes(np.zeros((300, 2, 2), dtype=np.float32))


@given(masks)
def test_runs_are_cocos(mask: Any) -> None:
    runs = runs_of(mask, 10_000)
    assert runs["size"] == list(mask.shape)
    plain: list[int] = []
    value = 0
    for each in mask.T.ravel().tolist():
        if each != value or not plain:
            if not plain and each:
                plain.append(0)
            plain.append(0)
            value = int(each)
        plain[-1] += 1
    assert runs["counts"] == plain
    assert np.array_equal(mask_of(runs), mask)


def test_too_many_runs_halve_the_mask() -> None:
    noise = np.random.default_rng(0).random((200, 200)) > 0.5
    runs = runs_of(noise, 10_000)
    assert runs["size"] == [100, 100]
    assert len(runs["counts"]) <= 10_000
    assert np.array_equal(mask_of(runs), noise[::2, ::2])


def disc(rows: int, columns: int, x: float, y: float, radius: float) -> Any:
    across, down = np.meshgrid(np.arange(columns), np.arange(rows))
    return (((across - x) ** 2 + (down - y) ** 2) <= radius**2).astype(np.uint8)


def test_polygons_cover_what_the_mask_does() -> None:
    mask = disc(100, 200, 60, 50, 30) | disc(100, 200, 150, 40, 20)
    polygons = polygons_of(mask, min_area=0, simplify=0.005, most_points=100)
    assert len(polygons) == 2
    assert polygons[0][:, 0].mean() == pytest.approx(60.5 / 200, abs=0.01)
    drawn = np.zeros_like(mask)
    for polygon in polygons:
        cv2.fillPoly(drawn, [np.rint(polygon * (200, 100) - 0.5).astype(np.int32)], 1)
    assert (drawn & mask).sum() / (drawn | mask).sum() > 0.95


def test_polygons_are_bounded() -> None:
    mask = disc(100, 100, 50, 50, 40)
    mask[::2] &= disc(100, 100, 50, 50, 30)[::2]
    (polygon, *_) = polygons_of(mask, min_area=0, simplify=0, most_points=12)
    assert 3 <= len(polygon) <= 12
    specks = (np.arange(10_000).reshape(100, 100) % 4 == 0).astype(np.uint8)
    assert polygons_of(specks, min_area=0.001, simplify=0.005, most_points=50) == []
    assert polygons_of(np.zeros((8, 8), dtype=np.uint8), min_area=0, simplify=0, most_points=9) == []


@given(masks, st.floats(0, 0.2), st.integers(3, 20))
def test_polygons_of_any_mask_lie_in_it(mask: Any, simplify: float, most: int) -> None:
    for polygon in polygons_of(mask.astype(np.uint8), min_area=0, simplify=simplify, most_points=most):
        assert 3 <= len(polygon) <= max(most, 4)
        assert ((polygon >= 0) & (polygon <= 1)).all()
