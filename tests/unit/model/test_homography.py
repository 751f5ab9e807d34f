"""The plane through many points, against the same by another way; and whatever may be written there."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edged.model.homography import calibration_fault, homography

CAMERA = np.array([[0.8, 0.05, 0.1], [0.02, 0.5, 0.3], [0.01, 0.06, 1.0]])
"""From the ground to the picture."""
GRID = [(float(x), float(y)) for x in (-4, -1, 2, 5) for y in (1, 4, 9, 16)]


def seen(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    places = np.column_stack([np.array(points), np.ones(len(points))]) @ CAMERA.T
    return [(float(u), float(v)) for u, v in places[:, :2] / places[:, 2:]]


@settings(deadline=None)
@given(st.integers(4, 16), st.integers(0, 2**32 - 1), st.floats(0, 0.003))
def test_it_is_the_least_squares_that_svd_finds(number: int, seed: int, jitter: float) -> None:
    """Hartley's normalised DLT, written down plainly with numpy."""
    rng = np.random.default_rng(seed)
    corners = [0, 3, 12, 15]
    others = [place for place in range(16) if place not in corners]
    ground = [GRID[place] for place in [*corners, *rng.permutation(others)[: number - 4]]]
    image = [tuple((np.array(point) + rng.normal(0, jitter, 2)).tolist()) for point in seen(ground)]
    found = np.array(homography(image, ground))
    there = np.array(ground)

    def normal(points: np.ndarray) -> np.ndarray:
        middle = points.mean(axis=0)
        scale = math.sqrt(2) / np.linalg.norm(points - middle, axis=1).mean()
        return np.array([[scale, 0, -scale * middle[0]], [0, scale, -scale * middle[1]], [0, 0, 1]])

    one, other = normal(np.array(image)), normal(there)
    u = np.column_stack([np.array(image), np.ones(number)]) @ one.T
    x = np.column_stack([there, np.ones(number)]) @ other.T
    rows = []
    for (a, b, _), (c, d, _) in zip(u, x, strict=True):
        rows += [[a, b, 1, 0, 0, 0, -c * a, -c * b, -c], [0, 0, 0, a, b, 1, -d * a, -d * b, -d]]
    plain = np.linalg.inv(other) @ np.linalg.svd(np.array(rows))[2][-1].reshape(3, 3) @ one
    assert found / np.linalg.norm(found) == pytest.approx(
        plain / np.linalg.norm(plain) * np.sign(plain[2] @ [*image[0], 1]), abs=1e-7
    )


_ANY = st.lists(
    st.tuples(st.floats(width=64), st.floats(width=64))
    | st.sampled_from([(0.0, 0.0), (1.0, 0.0), (0.0, 1.0)]),
    min_size=1,
    max_size=6,
)


@settings(deadline=None)
@given(_ANY, _ANY)
def test_whatever_is_written_there_it_is_fine_or_says_why_not(
    image: list[tuple[float, float]], ground: list[tuple[float, float]]
) -> None:
    fault = calibration_fault(image, ground)
    if not fault:
        assert np.isfinite(homography(image, ground)).all()


def test_of_many_points_it_names_the_one_that_is_off() -> None:
    ground = [*GRID[:7], (GRID[7][0] + 30, GRID[7][1])]
    assert "number 8 is" in calibration_fault(seen(GRID[:8]), ground)
