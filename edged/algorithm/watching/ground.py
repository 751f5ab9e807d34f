"""Where on the ground something stands: a plane seen by a calibrated camera."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edged.errors import AlgorithmError
from edged.model.homography import homography
from edged.model.scene import Calibration


class Ground:
    """The way from the picture to the ground."""

    def __init__(self, calibration: Calibration) -> None:
        """Raises `AlgorithmError` for points that fix no plane."""
        try:
            matrix = homography(calibration.image, calibration.ground)
        except ValueError as error:
            raise AlgorithmError(f"calibration: {error}") from error
        self._matrix = np.asarray(matrix, dtype=np.float64)

    def places(self, points: ArrayLike) -> NDArray[np.float64]:
        """Points of the picture ``(n, 2)`` in fractions → metres on the ground ``(n, 2)``; NaN where the
        picture shows no ground, above the horizon.
        """
        places = np.asarray(points, dtype=np.float64).reshape(-1, 2)
        depths = places @ self._matrix[2, :2] + self._matrix[2, 2]
        depths = np.where(depths > 1e-9, depths, np.nan)
        return np.asarray((places @ self._matrix[:2, :2].T + self._matrix[:2, 2]) / depths[:, None])
