"""Crowds whose truth is known, at any rate of runs: how often ids go wrong, beside a plain ByteTrack."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count

import pytest

from edged.algorithm.tracking.follower import Follower
from edged.algorithm.tracking.look import Look
from edged.algorithm.tracking.track import Policy
from tests.crowds import ASPECT, Score, Sight, Tracker, World, judge
from tests.plain_bytetrack import PlainByteTrack


def ours() -> Tracker:
    follower = Follower(Policy(), count(1).__next__)

    def track(sight: Sight) -> list[int | None]:
        labels = ["person"] * len(sight.truth)
        step = follower.follow(Look(sight.now_us, ASPECT, sight.boxes, sight.scores, labels))
        return [None if track is None else track.track_id for track in step.tracks]

    return track


def judged(make: Callable[[], Tracker], world: World) -> Score:
    return judge(list(world.sights()), make())


@pytest.mark.parametrize(
    ("rate", "least_idf1", "most_switches_a_person"),
    [(30, 0.88, 0.12), (10, 0.86, 0.15), (5, 0.88, 0.15), (3, 0.82, 0.25), (1, 0.68, 0.5)],
)
def test_crowds_keep_their_ids(rate: float, least_idf1: float, most_switches_a_person: float) -> None:
    """Twelve people at a time walk, turn, stop and hide one another; 5 % of boxes are missing, 15 % weak."""
    worlds = [World(rate=rate, ragged=0.3, seconds=30, seed=seed) for seed in (21, 22)]
    mine = [judged(ours, world) for world in worlds]
    plain = [judged(lambda: PlainByteTrack(buffer=max(2, int(3 * rate))), world) for world in worlds]
    switches, people = sum(score.switches for score in mine), sum(score.people for score in mine)
    idf1 = sum(score.idf1 for score in mine) / len(mine)
    assert idf1 >= least_idf1, mine
    assert switches <= most_switches_a_person * people, mine
    assert sum(score.false_ids for score in mine) <= 2, mine
    assert idf1 > sum(score.idf1 for score in plain) / len(plain) - (0.01 if rate == 30 else -0.03), (
        mine,
        plain,
    )


def test_few_people_seen_well_are_counted_to_one() -> None:
    for rate in (30, 10, 5, 3):
        clear = World(people=3, rate=rate, miss=0.02, weak=0.05, false=0.0, height=(0.2, 0.25), seconds=40)
        scores = [judged(ours, replace(clear, seed=seed)) for seed in (4, 5, 6)]
        assert sum(score.switches for score in scores) <= 2, (rate, scores)
        assert all(abs(score.ids - score.people) <= 1 for score in scores), (rate, scores)


def test_gaps_in_the_stream_do_not_shuffle_ids() -> None:
    """Every few seconds a second is missing, as where a worker is late."""
    sights = list(World(people=4, rate=10, seconds=40, seed=7).sights())
    kept = [sight for sight in sights if sight.now_us % 5_000_000 > 1_000_000]
    score = judge(kept, ours())
    assert score.switches <= 2, score
    assert score.idf1 > 0.9, score
