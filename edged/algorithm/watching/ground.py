"""Where on the ground something stands: a plane seen by a calibrated camera.

A homography by the direct linear transform with normalised points (Hartley and Zisserman, Multiple
View Geometry, 2nd edition, 4.1 and 4.4.4), least squares over all points given.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edged.errors import AlgorithmError
from edged.model.scene import Calibration

_DEGENERATE = 1e-4
"""A second direction this much weaker than the rest is none."""
_MISFIT = 0.1
"""Of the ground's extent, by which no point may be off."""

Matrix = NDArray[np.float64]


class Ground:
    """The way from the picture to the ground."""

    def __init__(self, calibration: Calibration) -> None:
        """Raises `AlgorithmError` for points that fix no plane."""
        image = np.asarray(calibration.image, dtype=np.float64).reshape(-1, 2)
        ground = np.asarray(calibration.ground, dtype=np.float64).reshape(-1, 2)
        _check_points(image, ground)
        self._matrix = _homography(image, ground)
        if _depths(self._matrix, image).min() <= 0:
            raise AlgorithmError(
                "calibration: the points turn the ground over; give image and ground points in the same order"
            )
        off_m = float(np.linalg.norm(self.places(image) - ground, axis=1).max())
        extent_m = float(np.ptp(ground, axis=0).max())
        if off_m > _MISFIT * extent_m:
            raise AlgorithmError(
                f"calibration: the points fit no flat ground (one is {off_m:.1f} m off): are they in the same"
                " order, and the ground's in metres?"
            )

    def places(self, points: ArrayLike) -> NDArray[np.float64]:
        """Points of the picture ``(n, 2)`` in fractions → metres on the ground ``(n, 2)``; NaN where the
        picture shows no ground, above the horizon.
        """
        places = np.asarray(points, dtype=np.float64).reshape(-1, 2)
        depths = _depths(self._matrix, places)
        depths = np.where(depths > 1e-9, depths, np.nan)
        return np.asarray((places @ self._matrix[:2, :2].T + self._matrix[:2, 2]) / depths[:, None])


def _check_points(image: Matrix, ground: Matrix) -> None:
    if len(image) != len(ground) or len(image) < 4:
        raise AlgorithmError(
            f"calibration: {len(image)} image and {len(ground)} ground points; give at least four of each,"
            " in the same order"
        )
    if not (np.isfinite(image).all() and np.isfinite(ground).all()):
        raise AlgorithmError("calibration: points must be finite numbers")


def _homography(image: Matrix, ground: Matrix) -> Matrix:
    """3 x 3, scaled so that points of the picture on the ground have a positive depth."""
    from_image, from_ground = _normalisation(image), _normalisation(ground)
    u, v = (image @ from_image[:2, :2].T + from_image[:2, 2]).T
    x, y = (ground @ from_ground[:2, :2].T + from_ground[:2, 2]).T
    one, zero = np.ones_like(u), np.zeros_like(u)
    rows = np.concatenate(
        [
            np.stack([u, v, one, zero, zero, zero, -x * u, -x * v, -x], axis=1),
            np.stack([zero, zero, zero, u, v, one, -y * u, -y * v, -y], axis=1),
        ]
    )
    _, values, vectors = np.linalg.svd(rows)
    matrix = np.linalg.inv(from_ground) @ vectors[-1].reshape(3, 3) @ from_image
    if values[7] < _DEGENERATE * values[0] or abs(np.linalg.det(vectors[-1].reshape(3, 3))) < _DEGENERATE**2:
        raise AlgorithmError(
            "calibration: the points fix no plane, three or more of them lie on one line or in one place;"
            " give four corners of something flat, such as a parking space"
        )
    return np.asarray(matrix * math.copysign(1.0, _depths(matrix, image[:1])[0]))


def _depths(matrix: Matrix, points: Matrix) -> Matrix:
    return np.asarray(points @ matrix[2, :2] + matrix[2, 2])


def _normalisation(points: Matrix) -> Matrix:
    """Moves the centroid to the origin and the mean distance to √2."""
    middle = points.mean(axis=0)
    spread = float(np.linalg.norm(points - middle, axis=1).mean())
    scale = math.sqrt(2) / spread if spread > 0 else 1.0
    return np.array([[scale, 0, -scale * middle[0]], [0, scale, -scale * middle[1]], [0, 0, 1]])
