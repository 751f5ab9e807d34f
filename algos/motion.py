"""Where something moves: a difference to a running background, in under a millisecond and without a model.

Its cost makes it a gate for a detector: see `edged.algorithm.background`, and ``when: motion`` of a job.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import cv2
import numpy as np
from pydantic import Field

from edged.algorithm import Algorithm, AlgorithmParams, Background, Detection, Frame, Movement, Outcome

_JOIN = np.ones((5, 5), dtype=np.uint8)
"""Cells that lie this near each other are one region."""


class MotionParams(AlgorithmParams):
    threshold: float = Field(12.0, gt=0, le=255, description="gray levels a cell must change by, at least")
    min_area: float = Field(0.001, ge=0, le=1, description="share of the frame that must have changed")
    memory: float = Field(10.0, gt=0, description="seconds after which what stays becomes background")
    max_detections: int = Field(50, ge=1, le=1000, description="the largest regions of a frame")


class Motion(Algorithm):
    """Moving regions as boxes labelled ``motion``, without a model.

    ``score`` tells how far the change stands out: 0 at the threshold, 0.5 at twice it, towards 1.
    The first frame of an epoch has no motion.
    """

    Params = MotionParams
    params: MotionParams
    returns = "detections: box, score, label motion; data.motion: share of the frame that moved"
    sends: ClassVar = {}

    def open(self) -> None:
        self._background = Background(self.params.threshold, self.params.memory)

    def run(self, window: Sequence[Frame], before: Outcome) -> Outcome:
        frame = window[-1]
        movement = self._background.observe(frame.y, frame.header.pts_us)
        if movement is None:
            return _outcome(before, [], 0.0)
        share = movement.share
        enough = share > 0 and share >= self.params.min_area
        return _outcome(before, self._regions(movement) if enough else [], share)

    def reset(self) -> None:
        self.open()

    def _regions(self, movement: Movement) -> list[Detection]:
        """The connected regions, largest first."""
        moved, strength = movement.moved, movement.strength
        joined = cv2.morphologyEx(moved.astype(np.uint8), cv2.MORPH_CLOSE, _JOIN)
        count, names, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
        inside = names[moved]
        areas = np.bincount(inside, minlength=count)
        strengths = np.bincount(inside, weights=strength[moved], minlength=count)
        least = max(1.0, self.params.min_area * moved.size)
        height, width = moved.shape
        regions = [region for region in range(1, count) if areas[region] >= least]
        regions.sort(key=lambda region: -int(areas[region]))
        found = []
        for region in regions[: self.params.max_detections]:
            left, top, across, down = (int(value) for value in stats[region][:4])
            box = (left / width, top / height, (left + across) / width, (top + down) / height)
            score = 1 - 1 / max(float(strengths[region] / areas[region]), 1.0)
            found.append(Detection(box, score, "motion", 0))
        return found


def _outcome(before: Outcome, found: list[Detection], share: float) -> Outcome:
    detections = (*(before.detections or ()), *found)
    return Outcome(detections, {**before.data, "motion": round(share, 4)}, before.counts)
