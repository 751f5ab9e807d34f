"""What a tracker is shown, and what it says to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edged.algorithm.tracking.track import ObjectTrack

Boxes = NDArray[np.float64]
"""``(n, 4)``: x_min, y_min, x_max, y_max."""


HIDDEN = 0.3
"""A box of which a larger share lies behind another does not show what its object looks like."""


@dataclass(frozen=True, slots=True)
class Look:
    """What the detector saw in one run: boxes, scores and labels in one order."""

    now_us: int
    aspect: float
    """Width of the frame in its heights."""
    boxes: Boxes
    """Fractions of the frame, finite."""
    scores: NDArray[np.float64]
    labels: Sequence[str]


@dataclass(frozen=True, slots=True)
class Step:
    """What one look made of the tracks."""

    tracks: list[ObjectTrack | None]
    """Of each sighting; only one that is confirmed has a ``track_id``."""
    started: list[ObjectTrack] = field(default_factory=list)
    """Confirmed in this run."""
    ended: list[ObjectTrack] = field(default_factory=list)
    """Confirmed ones that were given up."""


@dataclass(frozen=True, slots=True)
class Sights:
    """The sightings of a look that may belong to objects, the surest first."""

    look: Look
    indexes: NDArray[np.intp]
    """Their places in the look."""
    sure: int
    """So many of them, the first, may begin a track."""

    @classmethod
    def of(cls, look: Look, low: float, high: float, most: int) -> Sights:
        """Those that score at least ``low``, and no more than ``most``; from ``high`` on they are sure."""
        indexes = np.flatnonzero(look.scores >= low)
        scores = look.scores[indexes]
        best = np.argsort(-scores, kind="stable")[:most]
        return cls(look, indexes[best], int(np.count_nonzero(scores[best] >= high)))

    @property
    def boxes(self) -> Boxes:
        return self.look.boxes[self.indexes]

    @property
    def scores(self) -> NDArray[np.float64]:
        return self.look.scores[self.indexes]

    @property
    def labels(self) -> list[str]:
        labels = self.look.labels
        return [labels[index] for index in self.indexes.tolist()]

    @property
    def shown(self) -> list[int | None]:
        """Their places in the look; None for one that another hides in part."""
        shares = covered(self.boxes).tolist()
        return [
            index if share < HIDDEN else None
            for index, share in zip(self.indexes.tolist(), shares, strict=True)
        ]


def overlaps(some: Boxes, others: Boxes) -> NDArray[np.float64]:
    """Intersection over union ``(n, m)``."""
    inner = _inner(some, others)
    union = _areas(some)[:, None] + _areas(others) - inner
    return np.asarray(inner / np.maximum(union, 1e-12))


def covered(boxes: Boxes) -> NDArray[np.float64]:
    """The share of each box that one other hides, at most: ``(n,)``. What ends lower in the picture is
    nearer."""
    inner = _inner(boxes, boxes)
    inner[boxes[:, 3:4] >= boxes[:, 3]] = 0.0
    return np.asarray(inner.max(axis=1, initial=0.0) / np.maximum(_areas(boxes), 1e-12))


def _inner(some: Boxes, others: Boxes) -> NDArray[np.float64]:
    across = np.minimum(some[:, 2:3], others[:, 2]) - np.maximum(some[:, 0:1], others[:, 0])
    down = np.minimum(some[:, 3:4], others[:, 3]) - np.maximum(some[:, 1:2], others[:, 1])
    return np.asarray(np.maximum(across, 0) * np.maximum(down, 0))


def _areas(boxes: Boxes) -> NDArray[np.float64]:
    return np.asarray((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))
