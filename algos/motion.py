"""Where something moves: a difference to a running background, in under a millisecond and without a model.

Luma is averaged down to 160-320 cells across. The background is fitted to each frame's light first,
so a cloud or the camera's exposure is not motion; a cell has moved when it differs by more than the
picture's noise and its own habits (leaves, water) explain. Its cost makes it a gate for a detector.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from edged.algorithm import Algorithm, AlgorithmParams, Detection, Frame, Outcome

_WIDEST = 320
"""Cells across."""
_SIGMAS = 5.0
"""Of the picture's noise, below which nothing counts."""
_HABITS = 4.0
"""Times a cell's usual difference, below which nothing counts."""
_WHOLE = 0.7
"""Share of cells that change only with the light or the camera itself."""
_JOIN = np.ones((5, 5), dtype=np.uint8)
"""Cells that lie this near each other are one region."""

Cells = NDArray[np.float32]


class MotionParams(AlgorithmParams):
    threshold: float = Field(12.0, gt=0, le=255, description="gray levels a cell must change by, at least")
    min_area: float = Field(0.001, ge=0, le=1, description="share of the frame that must have changed")
    memory: float = Field(10.0, gt=0, description="seconds after which what stays becomes background")
    max_detections: int = Field(50, ge=1, le=1000, description="the largest regions of a frame")


@dataclass(frozen=True, slots=True)
class _Background:
    """What the scene looks like when nothing moves."""

    levels: Cells
    habits: Cells
    """Each cell's usual difference."""
    noise: float | None
    """Standard deviation of the picture's noise; None until there were two frames."""
    seen_us: int


class Motion(Algorithm):
    """Moving regions as boxes labelled ``motion``, without a model.

    ``score`` tells how far the change stands out: 0 at the threshold, 0.5 at twice it, towards 1.
    The first frame of an epoch has no motion.
    """

    Params = MotionParams
    params: MotionParams
    returns = "detections: box, score, label motion; data.motion: share of the frame that moved"

    _background: _Background | None = None

    def run(self, window: Sequence[Frame], before: Outcome) -> Outcome:
        frame = window[-1]
        cells = shrink(frame.y)
        background = self._background
        if background is None or background.levels.shape != cells.shape:
            self._background = _Background(cells, np.ones_like(cells), None, frame.header.pts_us)
            return self._outcome(before, [], 0.0)
        expected = fit_light(background.levels, cells)
        change = np.abs(cells - expected)
        noise = _noise(change, background.noise)
        least = np.float32(max(self.params.threshold, _SIGMAS * noise))
        limit = np.maximum(background.habits * np.float32(_HABITS), least)
        moved = change > limit
        share = float(moved.mean())
        if share > _WHOLE:
            self._background = _Background(cells, background.habits, background.noise, frame.header.pts_us)
            return self._outcome(before, [], 0.0)
        pace = self._pace(frame.header.pts_us - background.seen_us)
        usual = np.where(moved, background.habits, change)
        self._background = _Background(
            levels=expected + pace * (cells - expected),
            habits=background.habits + pace * (usual - background.habits),
            noise=_follow(background.noise, noise, float(pace)),
            seen_us=frame.header.pts_us,
        )
        enough = share > 0 and share >= self.params.min_area
        return self._outcome(before, self._regions(moved, change / limit) if enough else [], share)

    def reset(self) -> None:
        self._background = None

    def _pace(self, passed_us: int) -> np.float32:
        """How far the background goes toward the scene in this time, 0-1."""
        return np.float32(1 - math.exp(-max(passed_us, 0) / 1e6 / self.params.memory))

    def _regions(self, moved: NDArray[np.bool_], strength: Cells) -> list[Detection]:
        """The connected regions, largest first; ``strength`` is the change in units of the limit."""
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

    def _outcome(self, before: Outcome, found: list[Detection], share: float) -> Outcome:
        return Outcome((*(before.detections or ()), *found), {**before.data, "motion": round(share, 4)})


def shrink(luma: NDArray[np.uint8]) -> Cells:
    """Average luma by halves until it is at most 320 wide: each step reads its input once."""
    while luma.shape[1] > _WIDEST and luma.shape[0] > 1:
        height, width = luma.shape[0] // 2, luma.shape[1] // 2
        even = luma[: 2 * height, : 2 * width]
        luma = np.asarray(cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    return luma.astype(np.float32)


def fit_light(background: Cells, cells: Cells) -> Cells:
    """The background in the light of ``cells``: gain and offset fitted to what has not moved."""
    known, seen = _sample(background), _sample(cells)
    difference = seen - known
    middle = np.median(difference)
    apart = np.abs(difference - middle)
    still = apart <= 3 * np.median(apart) + 1
    known, seen = known[still], seen[still]
    known_mean, seen_mean = known.mean(), seen.mean()
    spread = known - known_mean
    variance = float(spread @ spread)
    gain = float(spread @ (seen - seen_mean)) / variance if variance > len(known) else 1.0
    gain = min(max(gain, 0.25), 4.0)
    return np.asarray(background * np.float32(gain) + np.float32(seen_mean - gain * known_mean))


def _noise(change: Cells, known: float | None) -> float:
    """The noise of this picture (from the median absolute deviation), which grows slowly: a scene that is
    another one altogether is not noise.
    """
    noise = 1.4826 * float(np.median(_sample(change)))
    return noise if known is None else min(noise, 2 * known + 1)


def _follow(known: float | None, noise: float, pace: float) -> float:
    return noise if known is None else known + pace * (noise - known)


def _sample(cells: Cells) -> Cells:
    """Enough of the cells for a median, spread evenly: `_WIDEST` / 2 a dimension at most."""
    step = 4 if cells.shape[1] > _WIDEST // 2 else 2
    return cells[::step, ::step].ravel()
