"""What objects look like, asked for only where the answer could change something.

A vector of a sighting costs milliseconds, a hundred times what motion costs. So most are never made: where
motion is sure, no look at the picture would turn its verdict. Where it is not (people who cross, somebody
who comes near the place where another was lost, sampling so sparse that all may be anywhere), the sightings
in question are looked at, and the likeness goes into the costs as a likelihood ratio, bounded, since a crop
may show anything. Each track's own vector is refreshed now and then. What another object hides in part is
not looked at: it would look like that one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edged.algorithm.tracking.track import ObjectTrack

FRESH = 0.3
"""Share of the newest vector in a track's own."""
CERTAIN = 0.15
"""A cosine so far from `AppearancePolicy.similar` has the full weight."""
SURE = 4.0
"""Motion is sure of a pair that costs so much less than whatever else might be: 50 to 1."""
GAP_S = 0.5
"""Of a track that was unseen for longer, motion is less sure than it thinks: somebody else may have come."""

Vectors = NDArray[np.float32]
Costs = NDArray[np.float64]
Embed = Callable[[Sequence[int]], Vectors]
"""Vectors of unit length ``(n, d)`` of the sightings at these places."""


@dataclass(frozen=True, slots=True)
class AppearancePolicy:
    every_s: float = 1.0
    """How old a track's vector may become while it is seen."""
    similar: float = 0.85
    """Cosine of two vectors at which they are as likely of one object as of two."""
    weight: float = 8.0
    """The most that likeness may say for or against a pair, in the units of the costs."""
    max_crops: int = 20
    """Looked at in one run."""


class Appearance:
    """What is asked in one run; remembers what it was told."""

    def __init__(self, policy: AppearancePolicy, embed: Embed) -> None:
        self._policy = policy
        self._embed = embed
        self._vectors: dict[int, Vectors] = {}

    def weigh(
        self, costs: Costs, tracks: Sequence[ObjectTrack], indexes: Sequence[int | None], now_us: int
    ) -> None:
        """Add what likeness says to ``costs`` ``(n, m)`` of ``tracks`` with sightings, in place.

        ``indexes`` are those of the sightings, None where one is hidden in part. A pair is worth making
        below 0.
        """
        known = [row for row, track in enumerate(tracks) if track.vector is not None]
        if not known:
            return
        lasting = np.array([now_us - track.last_us <= GAP_S * 1e6 for track in tracks])
        asked: dict[int, int] = {}
        doubtful = in_doubt(costs, lasting, self._policy.weight)[known]
        for column in np.flatnonzero(np.any(doubtful, axis=0)).tolist():
            index = indexes[column]
            if index is not None and len(asked) < self._policy.max_crops:
                asked[column] = index
        if not asked:
            return
        seen = self._look(list(asked.values()))
        own = np.array([tracks[row].vector for row in known])
        likeness = np.clip((own @ seen.T - self._policy.similar) / CERTAIN, -1, 1)
        costs[np.ix_(known, list(asked))] -= self._policy.weight * likeness

    def refresh(self, pairs: Sequence[tuple[ObjectTrack, int]], now_us: int) -> None:
        """Keep the vectors of tracks fresh that are seen now, each at its index, unhidden."""
        old = [index for track, index in pairs if index not in self._vectors and self._is_old(track, now_us)]
        self._look(old[: self._policy.max_crops - len(self._vectors)])
        for track, index in pairs:
            vector = self._vectors.get(index)
            if vector is not None:
                track.look(vector, now_us, FRESH)

    def _is_old(self, track: ObjectTrack, now_us: int) -> bool:
        return track.vector is None or now_us - track.vector_us >= self._policy.every_s * 1e6

    def _look(self, indexes: Sequence[int]) -> Vectors:
        fresh = [index for index in indexes if index not in self._vectors]
        if fresh:
            self._vectors.update(zip(fresh, self._embed(fresh), strict=True))
        return np.array([self._vectors[index] for index in indexes])


def in_doubt(costs: Costs, lasting: NDArray[np.bool_], weight: float) -> NDArray[np.bool_]:
    """Which pairs ``(n, m)`` might be made or not, if a cost changed by up to ``weight``.

    ``lasting``: the rows of tracks that were seen just now.
    """
    margins = np.minimum(np.minimum(_next_best(costs, 1), _next_best(costs, 0)), 0.0) - costs
    sure = margins > np.where(lasting, min(SURE, weight), weight)[:, None]
    settled = np.any(sure, axis=1, keepdims=True) | np.any(sure, axis=0, keepdims=True)
    return np.asarray((costs < weight) & ~settled)


def _next_best(costs: Costs, axis: int) -> Costs:
    """The least cost of the others in the same row (axis 1) or column (axis 0)."""
    if costs.shape[axis] < 2:
        return np.full(costs.shape, np.inf)
    least, second = np.split(np.partition(costs, 1, axis=axis).take((0, 1), axis=axis), 2, axis=axis)
    return np.where(costs == least, second, least)
