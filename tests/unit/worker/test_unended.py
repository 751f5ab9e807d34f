"""What events began and none has ended: never more, never less, whatever order they come in."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.model.detection import Detection
from edged.model.ending import Reason, key_of, unpack_ending
from edged.worker.unended import MOST_UNENDED, Unended

BOX = (0.1, 0.2, 0.3, 0.9)


def seen(track_id: int, *zones: str) -> Detection:
    return Detection(BOX, 0.9, "person", 0, track_id, zones)


def begin(unended: Unended, kind: str, pts_us: int = 0, **fields: Any) -> None:
    unended.note("people", "gate", kind, {"track_id": 1, **fields}, pts_us)


def ends_of(unended: Unended) -> list[tuple[str, dict[str, Any]]]:
    return [(end.kind, end.fields) for end in unended.unsettled("people", "gate")]


def test_what_was_begun_ends_as_it_was_seen_last() -> None:
    unended = Unended()
    begin(unended, "object_start", 500_000, label="person", data={"first_seen": 0.25})
    begin(unended, "zone_enter", 1_000_000, zone="door", data={"seconds": 0.5})
    unended.see("people", "gate", [seen(1, "door"), seen(2, "door")], 3_000_000)
    unended.see("people", "gate", [seen(1)], 4_000_000)
    look = {"label": "person", "score": 0.9, "box": list(BOX), "track_id": 1}
    assert ends_of(unended) == [
        ("zone_exit", {**look, "zone": "door", "data": {"seconds": 2.5}}),
        ("object_end", {**look, "data": {"duration": 3.75, "first_seen": 0.25, "last_seen": 4.0}}),
    ]


def test_its_end_as_told_beside_the_event_is_the_same_as_later() -> None:
    unended = Unended()
    fields = {"track_id": 1, "zone": "door", "label": "person", "box": BOX, "score": 0.90001}
    ending = unpack_ending(unended.beside("zone_enter", fields, 2_000_000))
    unended.note("people", "gate", "zone_enter", fields, 2_000_000)
    assert [ending] == unended.unsettled("people", "gate")
    assert ending.because(Reason.ENDED)["data"] == {"seconds": 0.0, "reason": "ended"}
    assert unpack_ending(unended.beside("zone_exit", fields, 0)).key == ending.key


def test_sights_are_told_once_each_and_hold_all_that_is_open() -> None:
    unended = Unended()
    begin(unended, "zone_enter", zone="door")
    begin(unended, "zone_enter", zone="hall")
    assert list(unended.sights()) == []
    unended.see("people", "gate", [seen(1, "door")], 1_000_000)
    ((job, source, payload),) = unended.sights()
    said = {key: fields["data"]["seconds"] for key, fields in json.loads(payload).items()}
    assert (job, source, said) == ("people", "gate", {"zone_exit 1 door": 1.0, "zone_exit 1 hall": 0.0})
    assert list(unended.sights()) == []


def test_what_was_settled_is_not_ended_again_when_the_algorithm_learns_of_it() -> None:
    unended = Unended()
    begin(unended, "zone_enter", zone="door")
    unended.settle("people", "gate", [end.key for end in unended.unsettled("people", "gate")])
    assert ends_of(unended) == []
    fields = {"track_id": 1, "zone": "door"}
    assert unended.was_settled("people", "gate", "zone_exit", fields)
    assert not unended.was_settled("people", "gate", "zone_exit", fields)
    begin(unended, "zone_enter", zone="door")
    assert unended.holds("people", "gate", "zone_exit", fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"track_id": "x"},
        {"track_id": None},
        {},
        {"track_id": 1, "data": []},
        {"track_id": 1, "data": {"seconds": float("nan")}},
        {"track_id": 1, "data": {"seconds": "long"}, "label": ["odd"], "zone": 5},
        {"track_id": 1, "data": {"seconds": 1e304, "first_seen": 1e304}},
        {"track_id": 1, "data": {"seconds": 10**400, "first_seen": -(10**400)}},
        {"track_id": 1, "score": "high", "box": 7},
        {"track_id": 1, "score": [0.5], "box": ["left", "top", "right", "bottom"]},
        {"track_id": 1, "score": float("nan"), "box": [float("nan")] * 4},
    ],
)
def test_an_algorithm_may_say_anything(fields: dict[str, Any]) -> None:
    unended = Unended()
    for kind in ("zone_enter", "object_start", "fall"):
        if packed := unended.beside(kind, fields, 1_000_000):
            assert unpack_ending(packed).kind in ("zone_exit", "object_end")
        unended.note("people", "gate", kind, fields, 1_000_000)
    for ending in unended.unsettled("people", "gate"):
        json.dumps(ending.fields, allow_nan=False)


def test_what_begins_anew_after_it_was_settled_ends_anew() -> None:
    """Also where the algorithm never said the end that was said for it."""
    unended = Unended()
    fields = {"track_id": 1, "zone": "door"}
    begin(unended, "zone_enter", zone="door")
    unended.settle("people", "gate", ["zone_exit 1 door"])
    begin(unended, "zone_enter", zone="door")
    assert not unended.was_settled("people", "gate", "zone_exit", fields), "its end is news"


def test_what_could_not_be_said_stays_open() -> None:
    unended = Unended()
    begin(unended, "zone_enter", zone="door")
    begin(unended, "zone_enter", zone="hall")
    unended.settle("people", "gate", ["zone_exit 1 door"])
    assert [fields["zone"] for _, fields in ends_of(unended)] == ["hall"]
    assert not unended.was_settled("people", "gate", "zone_exit", {"track_id": 1, "zone": "hall"})


def test_what_was_settled_of_sources_that_come_and_go_is_forgotten() -> None:
    unended = Unended()
    for track_id in (1, 2):
        begin(unended, "object_start", track_id=track_id)
        unended.settle("people", "gate", [f"object_end {track_id}"])
    first, second = (
        unended.was_settled("people", "gate", "object_end", {"track_id": track_id}) for track_id in (1, 2)
    )
    assert (first, second) == (False, True)


def test_it_does_not_grow_for_ever() -> None:
    unended = Unended()
    for track_id in range(MOST_UNENDED + 10):
        begin(unended, "object_start", track_id=track_id)
    assert len(ends_of(unended)) == MOST_UNENDED


STEP = st.tuples(
    st.sampled_from(["zone_enter", "zone_exit", "object_start", "object_end", "line_cross"]),
    st.integers(1, 4),
    st.sampled_from(["door", "hall"]),
)


@given(st.lists(STEP, max_size=60))
def test_open_is_what_was_begun_after_it_was_ended_last(steps: list[tuple[str, int, str]]) -> None:
    unended = Unended()
    open_: set[str] = set()
    for number, (kind, track_id, zone) in enumerate(steps):
        fields = {"track_id": track_id, **({"zone": zone} if kind.startswith("zone") else {})}
        unended.note("people", "gate", kind, fields, number)
        key = key_of(kind, fields)
        open_ = open_ | {key} if kind in ("zone_enter", "object_start") else open_ - {key}
        unended.see("people", "gate", [seen(track_id, zone)], number)
    assert {end.key for end in unended.unsettled("people", "gate")} == open_
