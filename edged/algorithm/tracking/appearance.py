"""What objects look like, asked for only where the answer could change something.

A vector of a sighting costs milliseconds, a thousand times what motion costs. So most are never made: where motion
is clear, no look at the picture would turn its verdict. Where it is not (people who cross, somebody who comes near the place
where another was lost, sampling so sparse that all may be anywhere), the sightings in question are looked at, and the
likeness goes into the costs as a likelihood ratio, bounded as in a sensible quarrel: it outweighs a moderate doubt and no
more. Each track's own vector is refreshed now and then, from sightings that nobody else covers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edged.algorithm.tracking.track import ObjectTrack

FRESH = 0.3
"""Share of the newest vector in a track's own."""
STEEPNESS = 20.0
"""How fast the verdict turns around `AppearancePolicy.similar`, per unit of the cosine."""

Vectors = NDArray[np.float32]
Embed = Callable[[Sequence[int]], Vectors]
"""Vectors of unit length ``(n, d)`` of the sightings at these places."""


@dataclass(frozen=True, slots=True)
class AppearancePolicy:
    every_s: float = 1.0
    """How old a track's vector may become while it is seen."""
    similar: float = 0.85
    """Cosine of two vectors at which they are as likely of one object as of two."""
    weight: float = 3.0
    """The most that likeness may say for or against a pair, in the units of the costs."""
    most: int = 20
    """Vectors in one run."""


class Appearance:
    """What is asked in one run; remembers what it was told."""

    def __init__(self, policy: AppearancePolicy, embed: Embed) -> None:
        self._policy = policy
        self._embed = embed
        self._vectors: dict[int, Vectors] = {}

    def weigh(
        self, costs: NDArray[np.float64], tracks: Sequence[ObjectTrack], indexes: NDArray[np.intp]
    ) -> None:
        """Add what likeness says to ``costs`` ``(n, m)`` of ``tracks`` with the sightings at ``indexes``, in place.

        A pair counts below 0, so that is where the verdict turns.
        """
        known = [row for row, track in enumerate(tracks) if track.vector is not None]
        if not known:
            return
        columns = in_doubt(costs, np.array(known), self._policy.weight)
        columns = columns[: self._policy.most]
        if not columns:
            return
        seen = self._look([int(indexes[column]) for column in columns])
        own = np.array([tracks[row].vector for row in known])
        likeness = (own @ seen.T - self._policy.similar) * STEEPNESS
        weight = self._policy.weight
        costs[np.ix_(known, columns)] -= np.clip(likeness * (weight / 3), -weight, weight)

    def refresh(self, pairs: Sequence[tuple[ObjectTrack, int]], now_us: int) -> None:
        """Keep the vectors of tracks fresh that are seen now, each at its index, uncovered."""
        old = [index for track, index in pairs if index not in self._vectors and self._is_old(track, now_us)]
        self._look(old[: self._policy.most - len(self._vectors)])
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


def in_doubt(costs: NDArray[np.float64], known: NDArray[np.intp], weight: float) -> list[int]:
    """The columns that could be paired otherwise if a pair's cost changed by up to ``weight``.

    ``known``: the rows whose costs may change.
    """
    close = costs < weight
    lone_row = np.count_nonzero(close, axis=1) <= 1
    lone_column = np.count_nonzero(close, axis=0) <= 1
    clear = lone_row[:, None] & lone_column & (costs < -weight)
    doubtful = (close & ~clear)[known].any(axis=0)
    return [int(column) for column in np.flatnonzero(doubtful)]
