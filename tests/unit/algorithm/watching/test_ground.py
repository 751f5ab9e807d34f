from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.algorithm.watching.ground import Ground
from edged.errors import AlgorithmError
from edged.model.scene import Calibration

# a camera 5 m above the ground looks down by 30 degrees: what it sees of points on the ground
HEIGHT_M, TILT = 5.0, math.radians(30)


def seen(x: float, y: float) -> tuple[float, float]:
    depth = y * math.cos(TILT) + HEIGHT_M * math.sin(TILT)
    down = HEIGHT_M * math.cos(TILT) - y * math.sin(TILT)
    return 0.5 + x / depth, 0.5 + down / depth


GROUND = ((-4.0, 6.0), (4.0, 6.0), (3.0, 20.0), (-3.0, 20.0), (0.0, 12.0))
REAL = Calibration(tuple(seen(*point) for point in GROUND), GROUND)
LAID_OUT = Ground(REAL)


@given(st.floats(-10, 10), st.floats(5, 100))
def test_points_of_the_picture_are_found_on_the_ground(x: float, y: float) -> None:
    assert LAID_OUT.places([seen(x, y)])[0].tolist() == pytest.approx([x, y], abs=1e-4)


def test_four_points_are_enough() -> None:
    ground = Ground(Calibration(REAL.image[:4], REAL.ground[:4]))
    assert ground.places([seen(1, 9)])[0].tolist() == pytest.approx([1, 9], abs=1e-6)


def test_points_that_are_a_little_off_are_averaged() -> None:
    jitter = np.random.default_rng(3).normal(0, 0.002, (5, 2))
    image = tuple((u + du, v + dv) for (u, v), (du, dv) in zip(REAL.image, jitter.tolist(), strict=True))
    assert Ground(Calibration(image, GROUND)).places([seen(1, 9)])[0].tolist() == pytest.approx(
        [1, 9], abs=0.3
    )


def test_there_is_no_ground_above_the_horizon() -> None:
    horizon = 0.5 - math.tan(TILT)
    places = Ground(REAL).places([(0.5, horizon - 0.01), (0.5, horizon + 0.01)])
    assert np.isnan(places[0]).all()
    assert np.isfinite(places[1]).all()


SQUARE = ((0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9))


@pytest.mark.parametrize(
    ("image", "ground", "message"),
    [
        (SQUARE[:3], GROUND[:3], "give at least four"),
        (SQUARE, GROUND[:3], "in the same order"),
        (SQUARE, GROUND, "in the same order"),
        (((0.1, 0.1), (0.2, 0.2), (0.3, 0.3), (0.4, 0.4)), SQUARE, "fix no plane"),
        (SQUARE, ((0, 0), (1, 0), (2, 0), (3, 0)), "fix no plane"),
        (((0.1, 0.1), (0.2, 0.2), (0.3, 0.3), (0.9, 0.1)), SQUARE, "fix no plane"),
        (SQUARE, ((0, 0), (0, 0), (1, 1), (0, 1)), "fix no plane"),
        (((0.5, 0.5),) * 4, ((1, 1),) * 4, "fix no plane"),
        (SQUARE, (SQUARE[0], SQUARE[2], SQUARE[1], SQUARE[3]), "in the same order"),
        (REAL.image, (*GROUND[:4], (40.0, -30.0)), "fit no flat ground|in the same order"),
        (((math.nan, 0.1), *SQUARE[1:]), GROUND[:4], "finite"),
    ],
)
def test_points_that_fix_no_plane_are_an_error(
    image: tuple[tuple[float, float], ...], ground: tuple[tuple[float, float], ...], message: str
) -> None:
    with pytest.raises(AlgorithmError, match=message):
        Ground(Calibration(image, ground))
