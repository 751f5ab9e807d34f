"""The life of one followed object: tentative, confirmed, unseen for a while, given up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Box: TypeAlias = tuple[float, float, float, float]


@dataclass(slots=True, eq=False)
class ObjectTrack:
    """What is known of one object, besides where it is."""

    first_us: int
    """pts of its first sighting."""
    last_us: int = 0
    """pts of its latest."""
    box: Box = (0.0, 0.0, 0.0, 0.0)
    """The detector's own, of the latest sighting; fractions of the frame."""
    score: float = 0.0
    """Of the same."""
    hits: int = 0
    """Sightings."""
    track_id: int | None = None
    """Given out at confirmation, never before."""
    votes: dict[str, float] = field(default_factory=dict)
    """Sum of scores by label."""
    travelled: float = 0.0
    """Length of its way in heights of the frame, without its jitter."""
    turn: tuple[float, float] | None = None
    """From where the way goes on."""
    vector: NDArray[np.float32] | None = None
    """What it looks like, where that is asked for: of unit length."""
    vector_us: int = 0
    """pts of the sighting that changed it last."""

    @property
    def label(self) -> str:
        """The one it was seen with most."""
        votes = self.votes
        return next(iter(votes)) if len(votes) == 1 else max(votes, key=votes.__getitem__)

    @property
    def duration_s(self) -> float:
        """From the first sighting to the latest."""
        return (self.last_us - self.first_us) / 1e6

    def see(self, box: Box, score: float, label: str, now_us: int) -> None:
        """Take a sighting."""
        self.box, self.score, self.last_us = box, score, now_us
        self.hits += 1
        self.votes[label] = self.votes.get(label, 0.0) + score

    def look(self, vector: NDArray[np.float32], now_us: int, share: float) -> None:
        """It looks like ``vector`` now; ``share`` of that is taken over."""
        if self.vector is not None:
            vector = share * vector + (1 - share) * self.vector
            vector = vector / max(float(np.linalg.norm(vector)), 1e-12)
        self.vector, self.vector_us = vector.copy(), now_us

    def move(self, x: float, y: float, least: float) -> None:
        """Go to a place; less than ``least`` is no way, but jitter."""
        if self.turn is None:
            self.turn = (x, y)
            return
        way = ((x - self.turn[0]) ** 2 + (y - self.turn[1]) ** 2) ** 0.5
        if way >= least:
            self.travelled += way
            self.turn = (x, y)


@dataclass(frozen=True, slots=True)
class Policy:
    """What decides over the life of a track. Times in seconds."""

    score_high: float = 0.5
    score_low: float = 0.1
    min_hits: int = 2
    min_time: float = 0.2
    lost_after: float = 3.0
    speed: float = 1.0
    """The usual one, in sizes of the object a second."""
    reach: float = 2.7
    """The worst cost at which a sighting still belongs to an object."""
    max_tracks: int = 300
    across_labels: bool = False

    def may_confirm(self, track: ObjectTrack) -> bool:
        """Whether a tentative track was seen enough."""
        return track.hits >= self.min_hits and track.duration_s >= self.min_time

    def keeps_us(self, passed_s: float) -> tuple[int, int]:
        """For how long after its latest sighting a (confirmed, tentative) track is kept, in microseconds.

        ``passed_s``: since the run before. Where runs are further apart than that, a track has one run to
        be found again, unless it is very much longer.
        """
        run = min(1.5 * passed_s, PAUSES * self.lost_after)
        confirmed = max(self.lost_after, run)
        tentative = max(min(self.lost_after, DOUBTFUL_S), run)
        return int(confirmed * 1e6), int(tentative * 1e6)


PAUSES = 10.0
"""Times ``lost_after``: after a longer pause nothing is found again."""
DOUBTFUL_S = 0.35
"""How long a tentative track is kept unseen."""

NewId = Callable[[], int]
