"""A scene without movement, learned as it goes: what differs from it moves. Under a millisecond a frame.

Luma is averaged down to 160-320 cells across. The background is fitted to each frame's light first,
so a cloud or the camera's exposure is not motion; a cell has moved when it differs by more than the
picture's noise and its own habits (leaves, water) explain.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

_WIDEST = 320
"""Cells across."""
_SIGMAS = 5.0
"""Of the picture's noise, below which nothing counts."""
_HABITS = 4.0
"""Times a cell's usual difference, below which nothing counts."""
_WHOLE = 0.7
"""Share of cells that change only with the light or the camera itself."""

Cells = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Movement:
    """Where a frame differs from the background."""

    moved: NDArray[np.bool_]
    """``(rows, columns)`` of cells."""
    strength: Cells
    """The change of each cell in units of the limit above which it counts as moved."""
    share: float
    """Of all cells that moved, 0-1."""


@dataclass(frozen=True, slots=True)
class _Scene:
    """What it looks like when nothing moves."""

    levels: Cells
    habits: Cells
    """Each cell's usual difference."""
    noise: float | None
    """Standard deviation of the picture's noise; None until there were two frames."""
    seen_us: int


class Background:
    """Of one source and epoch."""

    def __init__(self, threshold: float, memory_s: float) -> None:
        """``threshold``: gray levels by which a cell must change, at least; ``memory_s``: seconds after which
        what stays becomes background.
        """
        self._threshold = threshold
        self._memory_s = memory_s
        self._scene: _Scene | None = None

    def observe(self, luma: NDArray[np.uint8], pts_us: int) -> Movement | None:
        """Compare ``luma`` ``(height, width)`` with the background, and learn from it.

        None for the first frame, and for one that differs altogether: it is the new background.
        """
        cells = shrink(luma)
        scene = self._scene
        if scene is None or scene.levels.shape != cells.shape:
            self._scene = _Scene(cells, np.ones_like(cells), None, pts_us)
            return None
        expected = fit_light(scene.levels, cells)
        change = np.abs(cells - expected)
        noise = _noise(change, scene.noise)
        least = np.float32(max(self._threshold, _SIGMAS * noise))
        limit = np.maximum(scene.habits * np.float32(_HABITS), least)
        moved = change > limit
        share = float(moved.mean())
        if share > _WHOLE:
            self._scene = _Scene(cells, scene.habits, scene.noise, pts_us)
            return None
        pace = self._pace(pts_us - scene.seen_us)
        usual = np.where(moved, scene.habits, change)
        self._scene = _Scene(
            levels=expected + pace * (cells - expected),
            habits=scene.habits + pace * (usual - scene.habits),
            noise=_follow(scene.noise, noise, float(pace)),
            seen_us=pts_us,
        )
        return Movement(moved, change / limit, share)

    def _pace(self, passed_us: int) -> np.float32:
        """How far the background goes toward the scene in this time, 0-1."""
        return np.float32(1 - math.exp(-max(passed_us, 0) / 1e6 / self._memory_s))


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
