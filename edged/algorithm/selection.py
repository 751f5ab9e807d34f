"""Which of a model's candidates a job wants: by score, label, size, shape and place, without doubles."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from edged.algorithm.heads.head import Candidates
from edged.algorithm.labels import label_ids
from edged.algorithm.region import Region
from edged.algorithm.suppression import suppress

DEFAULT_SCORE = 0.4
DEFAULT = "default"
"""In a mapping of labels to scores: the score of all others."""
MOST_CANDIDATES = 30_000
"""Boxes that enter suppression: more come of noise only."""
Extent = tuple[float, float]
"""Width and height."""


class Suppression(StrEnum):
    """Which boxes count as doubles of a better one that they overlap."""

    AUTO = "auto"
    """Of the same label; none, where the model leaves them out itself."""
    CLASS = "class"
    """Of the same label."""
    ALL = "all"
    """Of any label."""
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Shape:
    """What boxes may look like. All bounds belong to it."""

    smallest: Extent = (0.0, 0.0)
    """In fractions of the frame's width and height."""
    largest: Extent = (1.0, 1.0)
    min_aspect: float = 0.0
    """Width over height, in pixels of the frame."""
    max_aspect: float = float("inf")

    def fits(self, boxes: NDArray[np.float64], width_px: int, height_px: int) -> NDArray[np.bool_]:
        """Which of ``boxes`` ``(n, 4)``, in fractions of a frame of this size; none without an area."""
        sizes = boxes[:, 2:] - boxes[:, :2]
        fits = (sizes > 0) & (sizes >= self.smallest) & (sizes <= self.largest)
        wide, high = sizes[:, 0] * width_px, sizes[:, 1] * height_px
        return np.asarray(fits.all(axis=1) & (wide >= self.min_aspect * high) & ~(wide > self._widest(high)))

    def _widest(self, high: NDArray[np.float64]) -> NDArray[np.float64]:
        return high * self.max_aspect if np.isfinite(self.max_aspect) else np.full_like(high, np.inf)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The score that a box of each label needs."""

    scores: NDArray[np.float32]
    """By number of the label; above 1 where a label is not wanted."""

    @classmethod
    def of(
        cls, scores: float | Mapping[str, float], wanted: Collection[int] | None, labels: Sequence[str]
    ) -> Thresholds:
        """``scores``: one for all, or by label, with `DEFAULT` for the others; ``wanted``: numbers of labels,
        None for all.

        Raises `AlgorithmError` for a label that is not one of ``labels``.
        """
        by_label = scores if isinstance(scores, Mapping) else {DEFAULT: scores}
        table = np.full(len(labels), by_label.get(DEFAULT, DEFAULT_SCORE), dtype=np.float32)
        for label, score in by_label.items():
            if label != DEFAULT:
                table[list(label_ids([label], labels))] = score
        if wanted is not None:
            table[[number for number in range(len(labels)) if number not in wanted]] = np.inf
        return cls(table)

    @property
    def least(self) -> float:
        """Below it no box is wanted; above 1: none is."""
        return float(self.scores.min()) if len(self.scores) else 2.0


@dataclass(frozen=True, slots=True)
class Selection:
    """All that a job asks of boxes."""

    thresholds: Thresholds
    shape: Shape
    region: Region
    suppression: Suppression
    iou: float
    most: int

    def reaching(self, found: Candidates) -> Candidates:
        """Those with the score that their label needs; the best `MOST_CANDIDATES` of them."""
        found = found[found.scores >= self.thresholds.scores[found.label_ids]]
        if len(found) <= MOST_CANDIDATES:
            return found
        return found[np.argsort(-found.scores, kind="stable")[:MOST_CANDIDATES]]

    def fitting(self, boxes: NDArray[np.float64], width_px: int, height_px: int) -> NDArray[np.bool_]:
        """Which of ``boxes``, in fractions of a frame of this size, have the shape and lie in the region."""
        centers = (boxes[:, :2] + boxes[:, 2:]) / 2
        return self.shape.fits(boxes, width_px, height_px) & self.region.holds(centers)

    def best(self, found: Candidates, *, finished: bool) -> NDArray[np.intp]:
        """Indexes of at most ``most``, best first, without doubles; ``finished``: the model left them out."""
        if self.suppression is Suppression.NONE or (self.suppression is Suppression.AUTO and finished):
            return np.argsort(-found.scores, kind="stable")[: self.most]
        groups = np.zeros_like(found.label_ids) if self.suppression is Suppression.ALL else found.label_ids
        return suppress(found.boxes, found.scores, groups, iou=self.iou, most=self.most)
