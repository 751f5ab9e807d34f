"""Follows the objects of one source from run to run.

What ByteTrack (Y. Zhang et al., ECCV 2022) does in stages, sure sightings first, unsure ones for what
remains, tentative tracks last, is one assignment here: what is doubtful bears a handicap. So nobody takes a
sighting early that fits another better, and the answer is the best of all together.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edged.algorithm.tracking import kinematics as k
from edged.algorithm.tracking.appearance import Appearance
from edged.algorithm.tracking.assignment import Pairs, match
from edged.algorithm.tracking.association import fit_costs
from edged.algorithm.tracking.look import Boxes, Look, Sights, Step, overlaps
from edged.algorithm.tracking.track import NewId, ObjectTrack, Policy

TENTATIVE = 0.5
"""Handicap of a track that may be of no object at all."""
FADING = 0.5
"""Handicap of each second in which it was looked for and not seen: it may have gone."""
LEFT = 3.0
"""Handicap of what should be out of the picture by now."""
UNSURE = 0.5
"""Handicap of a sighting below `Policy.score_high`."""
IMPOSSIBLE = 1e6
SAME = 0.8
"""A sighting that overlaps a better one by more than this is the same object, seen twice."""
WAY = 0.1
"""Sizes that an object must go for it to be way."""


class Follower:
    """State of one source and epoch, bounded by `Policy.max_tracks`."""

    def __init__(self, policy: Policy, new_id: NewId) -> None:
        self.policy = policy
        self._new_id = new_id
        self._then_us: int | None = None
        self._before_us = 0
        """pts of the look before the one at `_then_us`."""
        self._tracks: list[ObjectTrack] = []
        self._states = np.zeros((k.ROWS, 0))
        """Predicted to `_then_us`; a column for each track."""
        self._known = np.zeros((k.ROWS, 0))
        """As they were at each one's latest sighting."""

    @property
    def tracks(self) -> Sequence[ObjectTrack]:
        """All that are kept: tentative, confirmed, unseen for a while."""
        return self._tracks

    def follow(self, look: Look, appearance: Appearance | None = None) -> Step:
        """Take the next look; looks come in the order of their time."""
        passed_s = self._pass(look.now_us)
        step = Step([None] * len(look.scores), ended=self._give_up(look.now_us, passed_s))
        policy = self.policy
        sights = Sights.of(look, policy.score_low, policy.score_high, 2 * policy.max_tracks)
        if not sights.indexes.size:
            return step
        seen = k.sightings_of(sights.boxes, look.aspect)
        pairs = self._associate(sights, seen, appearance) if self._tracks else []
        if pairs:
            self._update(sights, seen, pairs, step)
        self._begin(sights, seen, {column for _, column in pairs}, step)
        if appearance is not None:
            _refresh(appearance, sights, step)
        return step

    def end(self) -> list[ObjectTrack]:
        """Give up all; returns the confirmed ones."""
        ended = [track for track in self._tracks if track.track_id is not None]
        self._then_us = None
        self._keep([])
        return ended

    def smoothed(self, aspect: float) -> Boxes:
        """The box of each of `tracks` as the filter has it, fractions of the frame."""
        return k.boxes_of(self._states, aspect)

    def _pass(self, now_us: int) -> float:
        passed_s = 0.0 if self._then_us is None else max(now_us - self._then_us, 0) / 1e6
        self._before_us = now_us if self._then_us is None else self._then_us
        self._then_us = now_us
        k.predict(self._states, passed_s, self.policy.speed)
        return passed_s

    def _give_up(self, now_us: int, passed_s: float) -> list[ObjectTrack]:
        confirmed_us, tentative_us = self.policy.keeps_us(passed_s)
        kept: list[int] = []
        ended: list[ObjectTrack] = []
        for place, track in enumerate(self._tracks):
            is_confirmed = track.track_id is not None
            if now_us - track.last_us <= (confirmed_us if is_confirmed else tentative_us):
                kept.append(place)
            elif is_confirmed:
                ended.append(track)
        if len(kept) < len(self._tracks):
            self._keep(kept)
        return ended

    def _keep(self, places: list[int]) -> None:
        self._tracks = [self._tracks[place] for place in places]
        self._states = self._states[:, places]
        self._known = self._known[:, places]

    def _associate(self, sights: Sights, seen: k.Sightings, appearance: Appearance | None) -> Pairs:
        """Pairs of places: of a track, of a sight."""
        tentative = np.array([track.track_id is None for track in self._tracks])
        costs = fit_costs(self._states, self._known, seen)
        costs += (self._handicaps(sights.look.aspect, tentative) - self.policy.reach)[:, None]
        if sights.sure < len(sights.indexes):
            costs[:, sights.sure :] += UNSURE
            costs[tentative, sights.sure :] = IMPOSSIBLE
        if not self.policy.across_labels:
            self._part_labels(costs, sights.labels)
        if appearance is not None:
            appearance.weigh(costs, self._tracks, sights.shown, sights.look.now_us)
        return match(costs)

    def _handicaps(self, aspect: float, tentative: NDArray[np.bool_]) -> NDArray[np.float64]:
        """What speaks against each track, before any sighting is looked at."""
        unseen_us = self._before_us - np.array([track.last_us for track in self._tracks])
        x, y = self._states[k.X], self._states[k.Y]
        left = (np.abs(x - aspect / 2) > aspect / 2) | (np.abs(y - 0.5) > 0.5)
        return np.asarray(tentative * TENTATIVE + unseen_us * (FADING / 1e6) + left * LEFT)

    def _part_labels(self, costs: NDArray[np.float64], labels: list[str]) -> None:
        own = [track.label for track in self._tracks]
        names = {label: number for number, label in enumerate(dict.fromkeys(own + labels))}
        if len(names) > 1:
            ours = np.array([names[label] for label in own])
            theirs = np.array([names[label] for label in labels])
            costs[ours[:, None] != theirs] = IMPOSSIBLE

    def _update(self, sights: Sights, seen: k.Sightings, pairs: Pairs, step: Step) -> None:
        places, columns = (list(side) for side in zip(*pairs, strict=True))
        jitter = k.jitter_of(sights.scores[columns])
        after = k.update(self._states[:, places], seen[:, columns], jitter)
        self._states[:, places] = after
        self._known[:, places] = after
        ways = after[[k.X, k.Y, k.SIZE]].T.tolist()
        indexes = sights.indexes[columns].tolist()
        for place, index, (x, y, size) in zip(places, indexes, ways, strict=True):
            track = self._tracks[place]
            track.move(x, y, WAY * size)
            self._saw(track, index, sights.look, step)

    def _begin(self, sights: Sights, seen: k.Sightings, taken: set[int], step: Step) -> None:
        """New tracks of those that are sure and nobody's."""
        new = [column for column in range(sights.sure) if column not in taken]
        new = self._once(sights, new, taken)[: self.policy.max_tracks - len(self._tracks)] if new else new
        if not new:
            return
        states = k.begin(seen[:, new], k.jitter_of(sights.scores[new]), self.policy.speed)
        self._states = np.concatenate((self._states, states), axis=1)
        self._known = np.concatenate((self._known, states), axis=1)
        for index in sights.indexes[new].tolist():
            track = ObjectTrack(first_us=sights.look.now_us)
            self._tracks.append(track)
            self._saw(track, index, sights.look, step)

    def _saw(self, track: ObjectTrack, index: int, look: Look, step: Step) -> None:
        x_min, y_min, x_max, y_max = look.boxes[index].tolist()
        track.see((x_min, y_min, x_max, y_max), float(look.scores[index]), look.labels[index], look.now_us)
        step.tracks[index] = track
        if track.track_id is None and self.policy.may_confirm(track):
            track.track_id = self._new_id()
            step.started.append(track)

    def _once(self, sights: Sights, new: list[int], taken: set[int]) -> list[int]:
        """Those of ``new`` that are not a second box of an object."""
        boxes, labels = sights.boxes, sights.labels
        same = overlaps(boxes[new], boxes) > SAME
        kept: list[int] = []
        for at, column in enumerate(new):
            others = [other for other in np.flatnonzero(same[at]).tolist() if other in taken or other in kept]
            if not any(self.policy.across_labels or labels[other] == labels[column] for other in others):
                kept.append(column)
        return kept


def _refresh(appearance: Appearance, sights: Sights, step: Step) -> None:
    """Show each confirmed track that nothing hides to ``appearance``."""
    pairs = []
    for index in sights.shown:
        track = None if index is None else step.tracks[index]
        if index is not None and track is not None and track.track_id is not None:
            pairs.append((track, index))
    appearance.refresh(pairs, sights.look.now_us)
