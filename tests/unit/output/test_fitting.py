"""The size of what is encoded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.output.fitting import fit_within

SIDE = st.integers(16, 8000)


@pytest.mark.parametrize(
    ("size", "limit", "fitted"),
    [
        ((1920, 1080), None, (1920, 1080)),
        ((1920, 1080), (1280, 720), (1280, 720)),
        ((641, 361), None, (640, 360)),
        ((480, 270), (1280, 720), (480, 270)),
        ((1080, 1920), (1280, 720), (404, 720)),
    ],
)
def test_fit(size: tuple[int, int], limit: tuple[int, int] | None, fitted: tuple[int, int]) -> None:
    assert fit_within(*size, limit) == fitted


@given(SIDE, SIDE, st.none() | st.tuples(SIDE, SIDE))
def test_even_within_the_limit_and_of_the_same_shape(
    width: int, height: int, limit: tuple[int, int] | None
) -> None:
    fitted_width, fitted_height = fit_within(width, height, limit)
    assert fitted_width % 2 == fitted_height % 2 == 0
    assert 2 <= fitted_width <= max(2, min(width, (limit or (width, height))[0]))
    assert 2 <= fitted_height <= max(2, min(height, (limit or (width, height))[1]))
    scale = fitted_width / width
    assert (
        fitted_height == 2
        or fitted_width == 2
        or abs(fitted_height - height * scale) <= 2 + 2 * height / width
    )
