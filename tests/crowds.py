"""Worlds of walking people whose truth is known, seen by a detector as bad as real ones are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ASPECT = 16 / 9


@dataclass(frozen=True)
class Sight:
    """One run: boxes in fractions, and who each one really is (-1: nobody)."""

    now_us: int
    boxes: NDArray[np.float64]
    scores: NDArray[np.float64]
    truth: list[int]


@dataclass(frozen=True)
class World:
    """How people and the detector behave."""

    people: int = 12
    seconds: float = 60.0
    rate: float = 10.0
    """Runs a second."""
    ragged: float = 0.0
    """Share of a run's interval by which it comes early or late."""
    miss: float = 0.05
    """Share of sightings that are missed at random."""
    weak: float = 0.15
    """Share that has a low score."""
    false: float = 0.1
    """Boxes of nobody in a run, on average."""
    hidden: float = 0.65
    """Share of a person that may be covered by a nearer one before it is missed."""
    height: tuple[float, float] = (0.15, 0.35)
    seed: int = 0

    def sights(self) -> Iterator[Sight]:
        random = np.random.default_rng(self.seed)
        ways = Ways(self, np.random.default_rng(self.seed + 1000))
        now_s = 0.0
        count = 0
        while now_s < self.seconds:
            yield self._sight(random, ways.at(now_s), now_s)
            count += 1
            now_s = max(now_s + 0.01, (count + self.ragged * random.uniform(-1, 1)) / self.rate)

    def _sight(
        self, random: np.random.Generator, there: dict[int, NDArray[np.float64]], now_s: float
    ) -> Sight:
        boxes, scores, truth = [], [], []
        nearest_first = sorted(there, key=lambda who: -there[who][3])
        for place, who in enumerate(nearest_first):
            box = there[who]
            covered = max((_covered(box, there[other]) for other in nearest_first[:place]), default=0.0)
            if covered > self.hidden or random.random() < self.miss:
                continue
            size = np.array([box[2] - box[0], box[3] - box[1]] * 2)
            seen = np.clip(box + random.normal(0, 0.03, 4) * size, 0, 1)
            weak = covered > self.hidden / 2 or random.random() < self.weak
            boxes.append(seen)
            scores.append(random.uniform(0.15, 0.5) if weak else random.uniform(0.5, 0.95))
            truth.append(who)
        for _ in range(random.poisson(self.false)):
            x, y, height = random.uniform(0, 0.9), random.uniform(0, 0.7), random.uniform(*self.height)
            boxes.append(np.array([x, y, min(x + 0.4 * height / ASPECT, 1), min(y + height, 1)]))
            scores.append(random.uniform(0.15, 0.7))
            truth.append(-1)
        return Sight(round(now_s * 1e6), np.array(boxes).reshape(-1, 4), np.array(scores), truth)


class Ways:
    """People come in at a side, walk across with turns and stops, and leave; then others come."""

    def __init__(self, world: World, random: np.random.Generator) -> None:
        self._ways: dict[int, tuple[float, NDArray[np.float64]]] = {}
        """Of each person: when it comes in, and boxes at 30 a second."""
        who = 0
        for _ in range(world.people):
            free_s = random.uniform(-8, 4)
            while free_s < world.seconds:
                way = _walk(random, random.uniform(*world.height))
                self._ways[who] = (free_s, way)
                free_s += len(way) / 30 + random.uniform(0.5, 4)
                who += 1

    def at(self, now_s: float) -> dict[int, NDArray[np.float64]]:
        there = {}
        for who, (since_s, way) in self._ways.items():
            place = int((now_s - since_s) * 30)
            if 0 <= place < len(way):
                box = np.clip(way[place], 0, 1)
                whole = way[place]
                if (box[2] - box[0]) * (box[3] - box[1]) > 0.4 * (whole[2] - whole[0]) * (
                    whole[3] - whole[1]
                ):
                    there[who] = box
        return there


def _walk(random: np.random.Generator, height: float) -> NDArray[np.float64]:
    """0.8 heights a second and about; x in fractions of the width."""
    right = random.random() < 0.5
    x, y = (-0.05 if right else ASPECT + 0.05), random.uniform(0.3, 0.85)
    pace = height * random.uniform(0.5, 1.1)
    heading = random.normal(0, 0.25) + (0 if right else np.pi)
    width = 0.4 * height
    swing, phase = random.uniform(0.05, 0.15), random.uniform(0, 6)
    boxes = []
    stop = 0
    for tick in range(60 * 30):
        if stop:
            stop -= 1
        elif random.random() < 0.05 / 30:
            stop = int(random.uniform(1, 4) * 30)
        heading += random.normal(0, 0.6 / 30**0.5) * 0.3
        if not stop:
            x += np.cos(heading) * pace / 30
            y += np.sin(heading) * pace / 30
        if random.random() < 0.03 / 30:
            heading += np.pi
        half = width * (1 + swing * np.sin(tick * 0.2 + phase)) / 2
        boxes.append(((x - half) / ASPECT, y - height / 2, (x + half) / ASPECT, y + height / 2))
        if not (-0.2 < x < ASPECT + 0.2 and -0.2 < y < 1.2):
            break
    return np.array(boxes)


def _covered(box: NDArray[np.float64], by: NDArray[np.float64]) -> float:
    """Share of ``box``."""
    across = min(box[2], by[2]) - max(box[0], by[0])
    down = min(box[3], by[3]) - max(box[1], by[1])
    area = (box[2] - box[0]) * (box[3] - box[1])
    return max(across, 0) * max(down, 0) / max(area, 1e-9)


@dataclass(frozen=True)
class Score:
    """How ids and people fit."""

    switches: int
    """Times that a person has another id than before."""
    people: int
    ids: int
    """That were given out to people."""
    idf1: float
    """Share of sightings whose id is the one that fits its person best over the whole (both ways)."""
    false_ids: int
    """Given out for nobody."""


Tracker = Callable[[Sight], Sequence[int | None]]


def judge(sights: Sequence[Sight], tracker: Tracker) -> Score:
    """Let ``tracker`` give an id to each sighting, and count."""
    last: dict[int, int] = {}
    switches = sightings = given = 0
    together: Counter[tuple[int, int]] = Counter()
    for sight in sights:
        for who, track_id in zip(sight.truth, tracker(sight), strict=True):
            sightings += who >= 0
            if track_id is None:
                continue
            given += 1
            together[who, track_id] += 1
            if who >= 0:
                switches += last.get(who, track_id) != track_id
                last[who] = track_id
    people = {who for who, _ in together if who >= 0}
    best: dict[int, int] = {}
    used: set[int] = set()
    for (who, track_id), times in together.most_common():
        if who >= 0 and who not in best and track_id not in used:
            best[who] = times
            used.add(track_id)
    real = {track_id for who, track_id in together if who >= 0}
    false = {track_id for _, track_id in together} - real
    return Score(
        switches, len(people), len(real), 2 * sum(best.values()) / max(sightings + given, 1), len(false)
    )
