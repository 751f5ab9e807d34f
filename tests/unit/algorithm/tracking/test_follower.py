"""Who gets an id, who keeps it, and who loses it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edged.algorithm.tracking.appearance import Appearance, AppearancePolicy
from edged.algorithm.tracking.follower import Follower
from edged.algorithm.tracking.look import Look, Step
from edged.algorithm.tracking.track import Policy

Place = tuple[float, float]
Seen = tuple[Place, float, str]
"""Middle of the box in a square picture, score, label."""


def look(now_s: float, *seen: Seen, height: float = 0.2) -> Look:
    half = np.array([0.2 * height, 0.5 * height])
    boxes = [np.concatenate((place - half, place + half)) for place in (np.array(each[0]) for each in seen)]
    scores = np.array([score for _, score, _ in seen], dtype=np.float64)
    return Look(
        round(now_s * 1e6), 1.0, np.array(boxes).reshape(-1, 4), scores, [label for *_, label in seen]
    )


def person(x: float, y: float = 0.5, score: float = 0.9) -> Seen:
    return ((x, y), score, "person")


def follower(**policy: object) -> Follower:
    return Follower(Policy(**policy), count(1).__next__)  # type: ignore[arg-type]


def ids(step: Step) -> list[int | None]:
    return [None if track is None else track.track_id for track in step.tracks]


def known(follower: Follower, *seen: Seen, rate: float = 10.0, until_s: float = 1.0) -> None:
    """Let it see the same for a while."""
    for tick in range(round(until_s * rate)):
        follower.follow(look(tick / rate, *seen))


# ---- who gets an id ----


def test_an_id_comes_after_hits_and_time_whatever_the_rate() -> None:
    for rate, wanted in ((30, 6), (10, 2), (5, 1), (1, 1)):
        follows = follower()
        given = [ids(follows.follow(look(tick / rate, person(0.5)))) for tick in range(10)]
        assert given == [[None]] * wanted + [[1]] * (10 - wanted)


def test_one_hit_is_enough_where_that_is_asked() -> None:
    step = follower(min_hits=1, min_time=0.0).follow(look(0, person(0.5), person(0.8)))
    assert sorted(ids(step)) == [1, 2]
    assert len(step.started) == 2


def test_what_flickers_once_never_gets_one() -> None:
    follows = follower()
    for second in range(50):
        step = follows.follow(look(second, *([person(0.5)] if second % 5 == 0 else [])))
        assert ids(step) in ([], [None])


def test_a_box_that_is_not_sure_begins_nothing_but_goes_on_with_it() -> None:
    follows = follower()
    for tick in range(10):
        assert ids(follows.follow(look(tick / 10, person(0.5, score=0.3)))) == [None]
    assert not follows.tracks
    known(follows, person(0.5))
    step = follows.follow(look(1.1, person(0.5, score=0.3), person(0.9, score=0.05)))
    assert ids(step) == [1, None]


def test_two_boxes_of_one_object_are_one() -> None:
    follows = follower()
    for tick in range(10):
        step = follows.follow(look(tick / 10, person(0.5), person(0.503, score=0.8)))
    assert ids(step) == [1, None]


def test_more_than_the_bound_are_not_followed() -> None:
    follows = follower(max_tracks=3)
    places = [person(0.1 + 0.1 * n, score=0.9 - 0.01 * n) for n in range(8)]
    known(follows, *places)
    assert ids(follows.follow(look(1.0, *places))) == [1, 2, 3] + [None] * 5
    assert len(follows.tracks) == 3


# ---- who keeps it ----


@pytest.mark.parametrize("rate", [30, 10, 3, 1])
def test_a_walker_keeps_its_id_at_any_rate(rate: float) -> None:
    """At 1 a second it goes 1.9 times its own width between two looks."""
    follows = follower()
    seen = {
        tuple(ids(follows.follow(look(tick / rate, person(0.05 + 0.15 * tick / rate)))))
        for tick in range(int(6 * rate))
    }
    assert seen == {(None,), (1,)}


def test_irregular_gaps_are_nothing_special() -> None:
    follows = follower()
    times = np.cumsum(np.random.default_rng(3).choice([0.03, 0.1, 0.5, 1.2], 20))
    times = times[times < 8]
    given = [ids(follows.follow(look(now_s, person(0.05 + 0.1 * now_s)))) for now_s in times]
    assert given[-1] == [1]
    assert {tuple(each) for each in given} == {(None,), (1,)}


def test_two_who_cross_go_on_as_they_went() -> None:
    follows = follower()
    for tick in range(60):
        x = 0.2 + 0.01 * tick
        step = follows.follow(look(tick / 10, person(x, 0.5), person(1 - x, 0.52)))
        if tick == 10:
            first = ids(step)
    assert ids(step) == first
    assert None not in first


def test_who_stood_still_behind_something_is_found_again() -> None:
    follows = follower(lost_after=5.0)
    known(follows, person(0.5))
    for tick in range(10, 50):
        assert ids(follows.follow(look(tick / 10))) == []
    assert ids(follows.follow(look(5.0, person(0.51)))) == [1]


def test_who_walked_behind_something_is_found_where_the_way_leads() -> None:
    follows = follower()
    for tick in range(15):
        follows.follow(look(tick / 10, person(0.1 + 0.015 * tick)))
    for tick in range(15, 30):
        follows.follow(look(tick / 10, person(0.9)))
    step = follows.follow(look(3.0, person(0.1 + 0.015 * 30), person(0.9)))
    assert ids(step) == [1, 2]


def test_who_left_the_picture_does_not_come_back_as_the_next_one() -> None:
    follows = follower()
    for tick in range(20):
        follows.follow(look(tick / 10, person(0.7 + 0.02 * tick)))
    for tick in range(25, 35):
        step = follows.follow(look(tick / 10, person(0.97 - 0.02 * (tick - 25))))
    assert ids(step) == [2]


# ---- who loses it ----


def test_who_is_lost_for_longer_gets_another_and_its_end_is_told_once() -> None:
    follows = follower(lost_after=2.0)
    known(follows, person(0.5))
    ended = [follows.follow(look(1 + tick / 10)).ended for tick in range(40)]
    assert [(at, [track.track_id for track in some]) for at, some in enumerate(ended) if some] == [(20, [1])]
    assert ended[20][0].duration_s == pytest.approx(0.9)
    assert ids(follows.follow(look(5.0, person(0.5)))) == [None]
    assert ids(follows.follow(look(5.2, person(0.5)))) == [2]


@pytest.mark.parametrize("apart_s", [3.0, 5.0, 12.0, 20.0])
def test_runs_further_apart_than_lost_still_follow_what_stands(apart_s: float) -> None:
    """As where a job runs only while something moves, and now and then anyway."""
    follows = follower(lost_after=2.0)
    given = [ids(follows.follow(look(apart_s * tick, person(0.5), person(0.9)))) for tick in range(6)]
    assert given[1:] == [[1, 2]] * 5


def test_after_a_long_pause_nobody_is_who_he_was() -> None:
    follows = follower(lost_after=2.0)
    known(follows, person(0.5))
    step = follows.follow(look(600.0, person(0.5)))
    assert ids(step) == [None]
    assert [track.track_id for track in step.ended] == [1]


def test_the_end_of_an_epoch_ends_all_and_ids_go_on() -> None:
    follows = follower()
    known(follows, person(0.5), person(0.8))
    assert sorted(track.track_id or 0 for track in follows.end()) == [1, 2]
    assert follows.end() == []
    known(follows, person(0.5))
    assert ids(follows.follow(look(1.0, person(0.5)))) == [3]


# ---- labels ----


def test_labels_do_not_mix_unless_asked() -> None:
    for across, wanted in ((False, {"car": 1, "truck": 2}), (True, {"car": 1, "truck": 1})):
        follows = follower(across_labels=across)
        for tick in range(20):
            label = "car" if tick < 10 else "truck"
            step = follows.follow(look(tick / 10, ((0.5, 0.5), 0.9, label)))
            if tick in (9, 19):
                assert ids(step) == [wanted[label]]
        track = step.tracks[0]
        assert track is not None
        assert track.label == ("car" if across else "truck")


def test_two_labels_at_one_place_are_two_objects_unless_asked() -> None:
    for across, wanted in ((False, [1, 2]), (True, [1, None])):
        follows = follower(across_labels=across)
        for tick in range(10):
            step = follows.follow(look(tick / 10, ((0.5, 0.5), 0.9, "car"), ((0.5, 0.5), 0.8, "truck")))
        assert ids(step) == wanted


# ---- whatever comes ----

SIGHTINGS = st.tuples(
    st.tuples(st.floats(0, 1), st.floats(0, 1)), st.floats(0, 1), st.sampled_from(["person", "car"])
)


@given(st.lists(st.tuples(st.floats(0, 4), st.lists(SIGHTINGS, max_size=8)), max_size=25), st.booleans())
@settings(deadline=None)
def test_no_id_twice_in_a_run_and_none_after_its_end(
    runs: list[tuple[float, list[Seen]]], across_labels: bool
) -> None:
    follows = follower(across_labels=across_labels, max_tracks=10)
    now_s, ended, started = 0.0, set[int](), list[int]()
    for passed_s, seen in runs:
        now_s += passed_s
        step = follows.follow(look(now_s, *seen))
        given = [one for one in ids(step) if one is not None]
        ended |= {track.track_id or 0 for track in step.ended}
        started += [track.track_id or 0 for track in step.started]
        assert len(given) == len(set(given))
        assert set(given) <= set(started) - ended
        assert len(follows.tracks) <= 10
        if not across_labels:
            for track, (_, _, label) in zip(step.tracks, seen, strict=True):
                assert track is None or list(track.votes) == [label]
    assert all(one < other for one, other in pairwise(started))
    alive = {track.track_id for track in follows.end() if track.track_id is not None}
    assert alive | ended == set(started)
    assert not alive & ended


def test_a_day_of_noise_leaves_nothing_behind() -> None:
    """What is kept is bounded by what was seen in the last seconds, not by how long it runs."""
    random = np.random.default_rng(0)
    follows = follower(max_tracks=40)
    most = 0
    for run in range(5000):
        seen = [
            person(*random.uniform(0.1, 0.9, 2), score=random.random()) for _ in range(random.integers(6))
        ]
        follows.follow(look(run * 0.2, *seen))
        most = max(most, len(follows.tracks))
    assert 5 < most <= 40
    for run in range(100):
        follows.follow(look(1000 + run * 0.2))
    assert not follows.tracks
    assert follows.smoothed(1.0).shape == (0, 4)


# ---- looks ----


class Looks:
    """Embeds by the colour that a test gave to each sighting."""

    def __init__(self) -> None:
        self.asked = 0
        self.colors: list[int] = []

    def __call__(self, places: Sequence[int]) -> NDArray[np.float32]:
        self.asked += len(places)
        return np.eye(4, dtype=np.float32)[[self.colors[place] for place in places]]

    def run(
        self, follows: Follower, now_s: float, *seen: tuple[Seen, int], **policy: float
    ) -> list[int | None]:
        self.colors = [color for _, color in seen]
        appearance = Appearance(AppearancePolicy(**policy), self)  # type: ignore[arg-type]
        return ids(follows.follow(look(now_s, *(sight for sight, _ in seen)), appearance))


def test_who_stands_alone_is_looked_at_once_a_second_and_no_more() -> None:
    follows, looks = follower(), Looks()
    for tick in range(301):
        looks.run(follows, tick / 30, (person(0.3), 0), (person(0.7), 1))
    assert 2 * 9 <= looks.asked <= 2 * 11


def test_those_who_swapped_places_unseen_are_known_by_their_looks() -> None:
    for with_looks, wanted in ((True, [2, 1]), (False, [1, 2])):
        follows, looks = follower(), Looks()
        for tick in range(20):
            looks.run(follows, tick / 10, (person(0.45), 0), (person(0.55), 1 if with_looks else 0))
        other = 1 if with_looks else 0
        assert looks.run(follows, 3.5, (person(0.45), other), (person(0.55), 0)) == wanted


def test_a_stranger_at_the_place_of_one_lost_is_a_stranger() -> None:
    follows, looks = follower(), Looks()
    for tick in range(20):
        looks.run(follows, tick / 10, (person(0.5), 0))
    for tick in range(30, 35):
        given = looks.run(follows, tick / 10, (person(0.55), 2))
    assert given == [2]


def test_no_more_is_looked_at_in_a_run_than_allowed() -> None:
    follows, looks = follower(), Looks()
    crowd = [(person(0.2 + 0.06 * n, 0.5), n % 4) for n in range(10)]
    for tick in range(20):
        before = looks.asked
        looks.run(follows, tick / 2, *crowd, max_crops=3)
        assert looks.asked - before <= 3
    assert looks.asked > 20
