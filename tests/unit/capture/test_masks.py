"""Privacy masks on I420 bytes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edged.capture.masks import Polygon, rasterise
from edged.model.frame import ColorRange, FrameFormat

WHOLE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))


def covered(
    polygons: tuple[Polygon, ...], picture: FrameFormat
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    """The three planes of a picture of 77s under masks."""
    flat = np.full(picture.frame_bytes, 77, np.uint8)
    rasterise(polygons, picture).cover(flat)
    y, u, v = np.split(flat, [picture.y_bytes, picture.y_bytes + picture.chroma_bytes])
    small = (picture.chroma_height, picture.chroma_width)
    return y.reshape(picture.height, picture.width), u.reshape(small), v.reshape(small)


@pytest.mark.parametrize("size", [(64, 48), (641, 271), (480, 270), (1, 1), (2, 3)])
@pytest.mark.parametrize(("color_range", "black"), [(ColorRange.LIMITED, 16), (ColorRange.FULL, 0)])
def test_a_mask_over_everything_leaves_only_black(
    size: tuple[int, int], color_range: ColorRange, black: int
) -> None:
    y, u, v = covered((WHOLE,), FrameFormat(*size, color_range))
    assert (y == black).all()
    assert (u == 128).all()
    assert (v == 128).all()


def test_no_mask_touches_nothing() -> None:
    assert all((plane == 77).all() for plane in covered((), FrameFormat(20, 10)))


@given(
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1)),
)
def test_a_rectangle_covers_the_pixels_whose_centre_is_in_it(
    size: tuple[int, int], corners: tuple[float, float, float, float]
) -> None:
    width, height = size
    left, right = sorted(corners[:2])
    top, bottom = sorted(corners[2:])
    y, u, _ = covered((((left, top), (right, top), (right, bottom), (left, bottom)),), FrameFormat(*size))
    columns, rows = (np.arange(width) + 0.5), (np.arange(height) + 0.5)
    across = (columns >= left * width) & (columns < right * width)
    down = (rows >= top * height) & (rows < bottom * height)
    sure = (np.abs(columns - left * width) > 1e-6) & (np.abs(columns - right * width) > 1e-6)
    firm = (np.abs(rows - top * height) > 1e-6) & (np.abs(rows - bottom * height) > 1e-6)
    masked = y == 16
    assert (masked == np.outer(down, across))[np.outer(firm, sure)].all()
    for row, column in np.argwhere(masked):
        assert u[row // 2, column // 2] == 128, "no colour of a masked pixel is left"


def test_a_triangle_and_a_second_mask() -> None:
    triangle = ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0))
    corner = ((0.9, 0.9), (1.0, 0.9), (1.0, 1.0), (0.9, 1.0))
    y, _, _ = covered((triangle, corner), FrameFormat(100, 100))
    assert y[10, 10] == y[95, 95] == 16
    assert y[60, 60] == 77
    assert np.count_nonzero(y == 16) == pytest.approx(5_000 + 100, abs=60)
