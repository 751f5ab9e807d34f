"""What algorithms see in frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Detection:
    """One box. Coordinates are fractions of the frame, 0–1: x_min, y_min, x_max, y_max."""

    box: tuple[float, float, float, float]
    score: float
    label: str = ""
    label_id: int | None = None
    track_id: int | None = None
    zones: tuple[str, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)
    keypoints: tuple[tuple[float, float, float], ...] = ()
    """x, y (fractions) and score of each."""

    # these run for every object of every frame, and take a third of the time of `dataclasses.replace`

    def followed(self, track_id: int, box: tuple[float, float, float, float]) -> Detection:
        """The same as an object that has an id, and perhaps a smoother box."""
        return Detection(
            box, self.score, self.label, self.label_id, track_id, self.zones, self.attributes, self.keypoints
        )

    def marked(self, zones: tuple[str, ...], attributes: Mapping[str, Any]) -> Detection:
        """The same with all ``zones`` that it is in and all ``attributes``."""
        return Detection(
            self.box, self.score, self.label, self.label_id, self.track_id, zones, attributes, self.keypoints
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one link of a chain gives to the next, and the last one to the result."""

    detections: tuple[Detection, ...] | None = None
    """None: the algorithm does not detect; empty: it looked and found nothing."""
    data: Mapping[str, Any] = field(default_factory=dict)
    counts: Mapping[str, Any] = field(default_factory=dict)
    """What stands in the source's counts besides the number of detections and their labels: ``zones``
    and ``lines`` as the contract has them. What does not stand there is counted from the detections."""
