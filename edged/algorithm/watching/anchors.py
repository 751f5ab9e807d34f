"""Which point of a box stands for the object."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray


class BoxAnchor(StrEnum):
    """By default where an object stands on the ground."""

    BOTTOM_CENTER = "bottom_center"
    CENTER = "center"
    TOP_CENTER = "top_center"
    BOTTOM_LEFT = "bottom_left"
    BOTTOM_RIGHT = "bottom_right"
    CENTER_LEFT = "center_left"
    CENTER_RIGHT = "center_right"
    TOP_LEFT = "top_left"
    TOP_RIGHT = "top_right"


_SHARES = {"top": 0.0, "left": 0.0, "center": 0.5, "bottom": 1.0, "right": 1.0}


def anchor_points(boxes: NDArray[np.float64], anchor: BoxAnchor) -> NDArray[np.float64]:
    """Boxes ``(n, 4)`` in fractions → points ``(n, 2)``, moved to the frame's edge where they lie outside."""
    words = anchor.value.split("_")
    share = np.array([_SHARES[words[-1]], _SHARES[words[0]]])
    return np.clip(boxes[:, :2] + share * (boxes[:, 2:] - boxes[:, :2]), 0.0, 1.0)
