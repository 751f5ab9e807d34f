"""Who is looked at, when: new ones first, then the oldest results, never more than allowed."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from edged.algorithm.cadence import Cadence, CadenceRule
from edged.model.detection import Detection

SECOND = 1_000_000


def person(track_id: int | None, side: float = 0.1, label: str = "person") -> Detection:
    return Detection((0.0, 0.0, side, side), 0.9, label, track_id=track_id)


def looked(cadence: Cadence[int], detections: list[Detection], now_us: int) -> list[int | None]:
    """The track ids that were looked at in a run; each learns the time of it."""
    cadence.see(detections, now_us)
    chosen, _ = cadence.choose(detections, now_us)
    for place in chosen:
        cadence.learn(detections[place], now_us, now_us)
    return [detections[place].track_id for place in chosen]


def test_a_track_is_looked_at_when_new_and_when_its_result_is_old() -> None:
    cadence: Cadence[int] = Cadence(CadenceRule(2 * SECOND, None, 32))
    times = [looked(cadence, [person(7)], tenth * SECOND // 10) for tenth in range(50)]
    assert [place for place, ids in enumerate(times) if ids] == [0, 20, 40]
    assert cadence.known(person(7)) == 4 * SECOND


def test_a_track_is_looked_at_once_where_nothing_makes_it_old() -> None:
    cadence: Cadence[int] = Cadence(CadenceRule(None, None, 32))
    times = [looked(cadence, [person(7, 0.1 + 0.01 * second)], second * SECOND) for second in range(50)]
    assert [place for place, ids in enumerate(times) if ids] == [0]


def test_a_track_is_looked_at_again_when_it_came_nearer() -> None:
    cadence: Cadence[int] = Cadence(CadenceRule(None, 2.0, 32))
    sides = [0.1, 0.12, 0.14, 0.145, 0.16, 0.05, 0.2, 0.21]
    times = [looked(cadence, [person(7, side)], place) for place, side in enumerate(sides)]
    assert [place for place, ids in enumerate(times) if ids] == [0, 3, 7]


def test_what_has_to_wait_comes_next_and_the_newest_last() -> None:
    cadence: Cadence[int] = Cadence(CadenceRule(SECOND, None, 2))
    crowd = [person(track_id) for track_id in (5, 4, 3, 2, 1)]
    cadence.see(crowd, 0)
    assert cadence.choose(crowd, 0) == ([0, 1], 3)
    runs = [looked(cadence, crowd, run * SECOND // 10) for run in range(3)]
    assert runs == [[5, 4], [3, 2], [1]]
    newcomer = [*crowd, person(6)]
    assert looked(cadence, newcomer, SECOND) == [6, 5]
    assert looked(cadence, newcomer, 2 * SECOND) == [4, 3]


def test_without_tracks_each_run_looks_at_all() -> None:
    cadence: Cadence[int] = Cadence(CadenceRule(None, None, 32))
    assert [len(looked(cadence, [person(None), person(None)], run)) for run in range(3)] == [2, 2, 2]
    assert cadence.known(person(None)) is None


def test_where_a_tracker_follows_a_label_its_unconfirmed_boxes_wait() -> None:
    cadence: Cadence[int] = Cadence(CadenceRule(None, None, 32))
    boxes = [person(1), person(None), person(None, label="dog")]
    assert looked(cadence, boxes, 0) == [1, None]
    assert looked(cadence, boxes, 1) == [None], "the dog, which nobody follows"
    cadence.reset()
    assert looked(cadence, [person(None)], 2) == [None]


def test_weeks_of_people_leave_no_trace() -> None:
    cadence: Cadence[int] = Cadence(CadenceRule(SECOND, 2.0, 32))
    for track_id in range(20_000):
        looked(cadence, [person(track_id)], track_id * 10_000)
    assert len(cadence) <= 512
    looked(cadence, [], 10_000 * SECOND)
    assert len(cadence) == 0


def test_all_of_a_crowd_stay_known_while_they_are_there() -> None:
    cadence: Cadence[int] = Cadence(CadenceRule(None, None, 1000))
    crowd = [person(track_id) for track_id in range(700)]
    assert len(looked(cadence, crowd, 0)) == 700
    assert looked(cadence, crowd, 1) == []


frames = st.lists(st.lists(st.integers(1, 6), max_size=6, unique=True), min_size=1, max_size=30)


@given(frames, st.integers(1, 4), st.integers(0, 5), st.sampled_from([None, 2.0]))
def test_nobody_who_stays_waits_for_ever(
    seen: list[list[int]], most: int, every: int, grow: float | None
) -> None:
    """At most ``most`` a run; and who is new waits only behind as many as were there before."""
    cadence: Cadence[int] = Cadence(CadenceRule(every, grow, most))
    waited: dict[int, int] = {}
    known: set[int] = set()
    for now, ids in enumerate(seen):
        chosen: list[Any] = looked(cadence, [person(track_id) for track_id in ids], now)
        assert len(chosen) <= most
        assert set(chosen) <= set(ids)
        known |= set(chosen)
        for track_id in ids:
            waited[track_id] = 0 if track_id in known else waited.get(track_id, 0) + 1
            assert waited[track_id] <= 6 // most + 1
