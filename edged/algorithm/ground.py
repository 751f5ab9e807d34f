"""Where on the ground something stands, and how fast it moves: a plane seen by a calibrated camera.

A homography by the direct linear transform with normalised points (Hartley and Zisserman, Multiple
View Geometry, 2nd edition, 4.1 and 4.4.4), least squares over all points given.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edged.errors import AlgorithmError
from edged.model.scene import Calibration

_DEGENERATE = 1e-4
"""A second direction this much weaker than the rest is none."""
_MISFIT = 0.1
"""Of the ground's extent, by which no point may be off."""
_SMOOTHING_S = 1.0
_LEAST_S = 0.5
"""Before that the jitter of two boxes looks like speed."""

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


@dataclass(frozen=True, slots=True)
class Velocity:
    """On the ground."""

    speed: float
    """Metres per second."""
    heading: float
    """Degrees, 0-360: 0 along the ground's first axis, 90 along its second."""


class Motion:
    """One object's velocity over the last second or so, however often it is seen.

    The mean of all its steps, each weighed by its time and the less the longer ago it was: the jitter of
    single boxes cancels out.
    """

    def __init__(self) -> None:
        self._last: tuple[int, float, float] | None = None
        self._sum = (0.0, 0.0)
        self._weight = 0.0
        self._watched_s = 0.0

    def observe(self, now_us: int, x_m: float, y_m: float) -> None:
        """It stands there now."""
        last, self._last = self._last, (now_us, x_m, y_m)
        if last is None or now_us <= last[0]:
            return
        passed_s = (now_us - last[0]) / 1e6
        kept = math.exp(-passed_s / _SMOOTHING_S)
        gained = (1 - kept) / passed_s
        self._sum = (
            self._sum[0] * kept + (x_m - last[1]) * gained,
            self._sum[1] * kept + (y_m - last[2]) * gained,
        )
        self._weight = self._weight * kept + 1 - kept
        self._watched_s += passed_s

    @property
    def velocity(self) -> Velocity | None:
        """None until it was seen for half a second."""
        if self._watched_s < _LEAST_S:
            return None
        x, y = self._sum[0] / self._weight, self._sum[1] / self._weight
        return Velocity(math.hypot(x, y), math.degrees(math.atan2(y, x)) % 360)


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
