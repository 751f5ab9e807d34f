"""Follows the objects of one source from run to run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edged.algorithm.tracking import kinematics as k
from edged.algorithm.tracking.assignment import Pairs, match
from edged.algorithm.tracking.association import Objects, fit_costs
from edged.algorithm.tracking.track import NewId, ObjectTrack, Policy

TENTATIVE = 0.5
"""Handicap of what may be no object at all."""
FADING = 0.4
"""Handicap of each second unseen: it may have gone."""
LEFT = 3.0
"""Handicap of what should be out of the picture by now."""
UNSURE = 1.0
"""Handicap of a sighting below `Policy.score_high`."""
IMPOSSIBLE = 1e6
SAME = 0.8
"""A sighting that overlaps a better one by more than this is the same object, seen twice."""

Boxes = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Look:
    """What the detector saw in one run. All in one order."""

    now_us: int
    aspect: float
    """Width of the frame in its heights."""
    boxes: Boxes
    """``(n, 4)``, fractions of the frame, finite."""
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


class Follower:
    """State of one source and epoch, bounded by `Policy.max_tracks`."""

    def __init__(self, policy: Policy, new_id: NewId) -> None:
        self.policy = policy
        self._new_id = new_id
        self._then_us: int | None = None
        self._tracks: list[ObjectTrack] = []
        self._states = np.zeros((k.ROWS, 0))
        """Predicted to `_then_us`; a column for each track."""
        self._known = np.zeros((k.ROWS, 0))
        """As they were at each one's latest sighting."""

    @property
    def tracks(self) -> Sequence[ObjectTrack]:
        """All that are kept: tentative, confirmed, unseen for a while."""
        return self._tracks

    def follow(self, look: Look) -> Step:
        """Take the next look; looks come in the order of their time."""
        passed_s = self._pass(look.now_us)
        ended = self._give_up(look.now_us, passed_s)
        step = Step([None] * len(look.scores), ended=ended)
        order = self._worth_following(look)
        if not order.size:
            return step
        seen = k.sightings_of(look.boxes[order], look.aspect)
        pairs = self._associate(look, order, seen) if self._tracks else []
        self._update(look, order, seen, pairs, passed_s, step)
        self._begin(look, order, seen, pairs, step)
        return step

    def end(self) -> list[ObjectTrack]:
        """Give up all; the confirmed ones."""
        ended = [track for track in self._tracks if track.track_id is not None]
        self._then_us = None
        self._keep([])
        return ended

    def smoothed(self, aspect: float) -> Boxes:
        """The box of each of `tracks` as the filter has it, ``(n, 4)`` in fractions."""
        return k.boxes_of(self._states, aspect)

    def _pass(self, now_us: int) -> float:
        passed_s = 0.0 if self._then_us is None else max(now_us - self._then_us, 0) / 1e6
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

    def _worth_following(self, look: Look) -> NDArray[np.intp]:
        """Which sightings may belong to objects: the surest first, and no more than tracks could need."""
        order = np.flatnonzero(look.scores >= self.policy.score_low)
        order = order[np.argsort(-look.scores[order], kind="stable")]
        return order[: 2 * self.policy.max_tracks]

    def _associate(self, look: Look, order: NDArray[np.intp], seen: k.Sightings) -> Pairs:
        """Pairs of (place of a track, place in ``order``)."""
        tentative = np.array([track.track_id is None for track in self._tracks])
        costs = fit_costs(Objects(self._states, self._known, self._handicaps(look, tentative)), seen)
        unsure = look.scores[order] < self.policy.score_high
        if unsure.any():
            costs += unsure * UNSURE
            costs[np.ix_(tentative, unsure)] = IMPOSSIBLE
        if not self.policy.across_labels:
            self._part_labels(costs, [look.labels[place] for place in order])
        return match(costs - self.policy.reach)

    def _handicaps(self, look: Look, tentative: NDArray[np.bool_]) -> NDArray[np.float64]:
        """What speaks against each track, before any sighting is looked at."""
        unseen_us = look.now_us - np.array([track.last_us for track in self._tracks])
        x, y = self._states[k.X], self._states[k.Y]
        left = (np.abs(x - look.aspect / 2) > look.aspect / 2) | (np.abs(y - 0.5) > 0.5)
        return np.asarray(tentative * TENTATIVE + unseen_us * (FADING / 1e6) + left * LEFT)

    def _part_labels(self, costs: NDArray[np.float64], labels: list[str]) -> None:
        own = [track.label for track in self._tracks]
        names = {label: number for number, label in enumerate(dict.fromkeys(own + labels))}
        if len(names) > 1:
            ours = np.array([names[label] for label in own])
            theirs = np.array([names[label] for label in labels])
            costs[ours[:, None] != theirs] = IMPOSSIBLE

    def _update(
        self,
        look: Look,
        order: NDArray[np.intp],
        seen: k.Sightings,
        pairs: Pairs,
        passed_s: float,
        step: Step,
    ) -> None:
        if not pairs:
            return
        places, columns = (list(side) for side in zip(*pairs, strict=True))
        jitter = k.jitter_of(look.scores[order[columns]])
        after = k.update(self._states[:, places], seen[:, columns], jitter)
        for at, (place, column) in enumerate(pairs):
            track, index = self._tracks[place], int(order[column])
            unseen_s = (look.now_us - track.last_us) / 1e6
            if unseen_s > 1.5 * passed_s:
                after[:, at : at + 1] = k.resume(
                    self._known[:, place : place + 1],
                    seen[:, column : column + 1],
                    jitter[at : at + 1],
                    unseen_s,
                    self.policy.speed,
                )
            box: list[float] = look.boxes[index].tolist()
            track.see((box[0], box[1], box[2], box[3]), float(look.scores[index]), look.labels[index], look.now_us)
            step.tracks[index] = track
            if track.track_id is None and self.policy.may_confirm(track):
                track.track_id = self._new_id()
                step.started.append(track)
        for track, x, y, size in zip(
            (self._tracks[place] for place in places), *after[[k.X, k.Y, k.SIZE]].tolist(), strict=True
        ):
            track.move(x, y, STEP * size)
        self._states[:, places] = after
        self._known[:, places] = after

    def _begin(
        self, look: Look, order: NDArray[np.intp], seen: k.Sightings, pairs: Pairs, step: Step
    ) -> None:
        taken = {column for _, column in pairs}
        sure = int(np.count_nonzero(look.scores[order] >= self.policy.score_high))
        new = [column for column in range(sure) if column not in taken]
        if not new:
            return
        new = self._once(look, order, new, taken)[: self.policy.max_tracks - len(self._tracks)]
        if not new:
            return
        indexes = order[new]
        states = k.begin(seen[:, new], k.jitter_of(look.scores[indexes]), self.policy.speed)
        self._states = np.concatenate((self._states, states), axis=1)
        self._known = np.concatenate((self._known, states), axis=1)
        for index in indexes.tolist():
            box, score, label = look.boxes[index].tolist(), float(look.scores[index]), look.labels[index]
            track = ObjectTrack(look.now_us, look.now_us, tuple(box), score, votes={label: score})
            self._tracks.append(track)
            step.tracks[index] = track
            if self.policy.may_confirm(track):
                track.track_id = self._new_id()
                step.started.append(track)

    def _once(self, look: Look, order: NDArray[np.intp], new: list[int], taken: set[int]) -> list[int]:
        """Those of ``new`` that are not a second box of an object."""
        overlap = overlaps(look.boxes[order[new]], look.boxes[order])
        kept: list[int] = []
        others = set(taken)
        for at, column in enumerate(new):
            label = look.labels[order[column]]
            twice = any(
                other in others and (self.policy.across_labels or look.labels[order[other]] == label)
                for other in np.flatnonzero(overlap[at] > SAME).tolist()
            )
            if not twice:
                kept.append(column)
                others.add(column)
        return kept


STEP = 0.1
"""Sizes that an object must go for it to be way."""


def overlaps(some: Boxes, others: Boxes) -> NDArray[np.float64]:
    """Intersection over union ``(n, m)``."""
    low = np.maximum(some[:, None, :2], others[None, :, :2])
    high = np.minimum(some[:, None, 2:], others[None, :, 2:])
    inner = np.prod(np.maximum(high - low, 0), axis=2)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (some, others)]
    union = areas[0][:, None] + areas[1] - inner
    return np.asarray(inner / np.maximum(union, 1e-12))
