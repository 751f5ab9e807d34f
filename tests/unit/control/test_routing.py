"""Where what workers make goes, and which numbers are remembered."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.control.job import JobRecord
from edged.control.routing import Router
from edged.control.status import Statuses
from edged.model.ending import Ending, pack_ending
from edged.model.messages import JobSpec, Numbering
from edged.model.output import Output, OutputKind, renumbered
from edged.model.sampling import Sampling
from edged.mqtt.message import Worth
from edged.mqtt.topics import Topics
from edged.planning.plan import JobPlan

TOPICS = Topics("edged/v1", "box")
ROOT = "edged/v1/box/"


class Said:
    """A `Publisher` that notes what it is given."""

    def __init__(self) -> None:
        self.published: list[tuple[str, int, Worth]] = []
        self.payloads: list[bytes] = []
        self.retained: dict[str, bytes] = {}

    def publish(self, topic: str, payload: bytes, qos: int, worth: Worth = Worth.RESULT) -> None:
        self.published.append((topic.removeprefix(ROOT), qos, worth))
        self.payloads.append(payload)

    def retain(self, topic: str, payload: bytes, *, again: bool = False) -> None:
        self.retained[topic.removeprefix(ROOT)] = payload


def router(*names: str) -> tuple[Router, Said, dict[str, JobRecord]]:
    said = Said()
    jobs = {
        name: JobRecord(JobPlan(JobSpec(name, ("gate",), (), Sampling()), "main", True)) for name in names
    }
    return Router(said, TOPICS, Statuses(said, TOPICS), jobs.get), said, jobs


def output(kind: OutputKind, job: str = "people", seq: int = 1, qos: int = 0, track_id: int = 0) -> Output:
    return Output(kind, job, "gate", b"{}", seq, track_id, qos)


def test_results_and_events_are_numbered_apart_and_worth_different_things() -> None:
    routes, said, jobs = router("people")
    routes.route("main", output(OutputKind.RESULT, seq=7, qos=1, track_id=3))
    routes.route("main", output(OutputKind.EVENT, seq=2, qos=1, track_id=2))
    assert said.published == [
        ("job/people/gate/result", 1, Worth.RESULT),
        ("job/people/gate/event", 1, Worth.EVENT),
    ]
    assert jobs["people"].numbering == {"gate": Numbering(seq=7, track_id=3, event=2)}
    assert routes.results == 1


def test_pictures_of_results_have_topics_of_their_own_and_use_no_numbers() -> None:
    routes, said, jobs = router("people")
    routes.route("main", output(OutputKind.RESULT, seq=7))
    routes.route("main", output(OutputKind.IMAGE, seq=5))
    routes.route("main", output(OutputKind.CROP, seq=6))
    assert said.published[1:] == [
        ("source/gate/snapshot", 0, Worth.RESULT),
        ("job/people/gate/crop", 0, Worth.RESULT),
    ]
    assert jobs["people"].numbering == {"gate": Numbering(seq=7)}, "a late picture takes none back"
    assert routes.results == 1


def test_of_a_job_that_is_gone_or_only_temporary_no_picture_comes() -> None:
    routes, said, _ = router("people", "look.1")
    for kind in (OutputKind.IMAGE, OutputKind.CROP):
        routes.route("main", output(kind, job="cars"))
        routes.route("main", output(kind, job="look.1"))
        routes.route("other", output(kind))
        routes.route("main", Output(kind, "people", "yard", b"", 1))
    assert said.published == []


def test_what_a_job_that_just_went_still_says_is_heard_and_its_numbers_go_on() -> None:
    routes, said, jobs = router("people")
    routes.route("main", output(OutputKind.EVENT, seq=1))
    routes.forget(jobs.pop("people"))
    routes.route("main", output(OutputKind.EVENT, seq=2))
    routes.route("main", output(OutputKind.COUNTS))
    assert [topic for topic, _, _ in said.published] == ["job/people/gate/event"] * 2
    assert not said.retained, "the broker would keep it"
    assert routes.numbers_of("people") == {"gate": Numbering(event=2)}


def test_of_a_job_that_has_another_worker_now_the_one_before_is_not_heard() -> None:
    routes, said, _ = router("people")
    routes.route("old", output(OutputKind.RESULT))
    assert not said.published


def test_a_temporary_job_only_gives_pictures_to_whoever_asked() -> None:
    routes, said, _ = router()
    for kind in (OutputKind.RESULT, OutputKind.EVENT, OutputKind.COUNTS):
        routes.route("_look", output(kind, "_look.gate"))
    assert not said.published
    assert not said.retained
    pictures: list[Output] = []
    routes.on_snapshot = pictures.append
    routes.route("_look", output(OutputKind.SNAPSHOT, "_look.gate", seq=4))
    assert [picture.seq for picture in pictures] == [4]
    assert not said.published


def test_the_newest_counts_are_there_for_the_worker_that_comes_next() -> None:
    routes, _, jobs = router("people")
    routes.route("main", output(OutputKind.RESULT, seq=7))
    routes.route("main", output(OutputKind.COUNTS))
    routes.route("main", output(OutputKind.RESULT, seq=8))
    assert jobs["people"].numbering == {"gate": Numbering(seq=8, counts="{}")}


def test_counts_are_told_to_whoever_listens_and_when_they_are_cleared() -> None:
    said = Said()
    statuses = Statuses(said, TOPICS)
    heard: list[tuple[str, str, bytes]] = []
    statuses.on_counts = lambda *counts: heard.append(counts)
    statuses.counts("people", "gate", b'{"total":1}')
    statuses.clear_counts("people", ["gate"])
    assert heard == [("people", "gate", b'{"total":1}'), ("people", "gate", b"")]
    assert said.retained == {"job/people/gate/counts": b""}


def begun(key: str, seq: int, **fields: object) -> Output:
    ending = pack_ending(Ending(key, "zone_exit", {"track_id": 3, **fields, "data": {"seconds": 1.0}}))
    return Output(OutputKind.EVENT, "people", "gate", b"{}", seq, 3, 1, ending=ending)


def test_what_a_worker_that_died_had_begun_is_ended_in_its_place_and_numbered_on() -> None:
    routes, said, jobs = router("people")
    routes.route("main", begun("a", 1, zone="door"))
    routes.route("main", begun("b", 2, zone="hall"))
    routes.route(
        "main", Output(OutputKind.EVENT, "people", "gate", b"{}", 3, 3, 1, ending=pack_ending(None, "a"))
    )
    sights = json.dumps({"b": {"track_id": 3, "zone": "hall", "data": {"seconds": 7.5}}}).encode()
    routes.route("main", Output(OutputKind.SIGHTS, "people", "gate", sights))
    routes.worker_died("other", lambda job: True)
    assert len(said.published) == 3
    routes.worker_died("main", lambda job: True)
    event = json.loads(said.payloads[-1])
    assert (event["type"], event["zone"], event["seq"]) == ("zone_exit", "hall", 4)
    assert event["data"] == {"seconds": 7.5, "reason": "restarted"}
    assert said.published[-1] == ("job/people/gate/event", 1, Worth.EVENT)
    assert jobs["people"].numbering["gate"].event == 4
    routes.worker_died("main", lambda job: True)
    assert len(said.published) == 4, "once"


@pytest.mark.parametrize("sights", [b'{"b": {"data": 5}}', b'{"b": 7}', b"[" * 50_000, b"\xff", b"[]"])
def test_what_an_algorithm_wrote_to_its_workers_channel_harms_no_end(sights: bytes) -> None:
    routes, said, _ = router("people")
    routes.route("main", begun("b", 1, zone="hall"))
    routes.route("main", Output(OutputKind.SIGHTS, "people", "gate", sights))
    routes.worker_died("main", lambda job: True)
    event = json.loads(said.payloads[-1])
    assert (event["type"], event["data"]["reason"]) == ("zone_exit", "restarted")


def test_an_ending_that_is_none_is_refused() -> None:
    routes, said, _ = router("people")
    for odd in (b"[" * 50_000, b"5", b'{"fields": 5}', b"{"):
        with pytest.raises(ValueError):
            routes.route("main", Output(OutputKind.EVENT, "people", "gate", b"{}", 1, ending=odd))
    assert said.published == []


def test_what_a_job_that_is_gone_had_begun_ends_with_its_worker() -> None:
    routes, said, jobs = router("people")
    routes.route("main", begun("a", 1))
    routes.forget(jobs.pop("people"))
    routes.worker_died("main", lambda job: False)
    assert json.loads(said.payloads[-1])["data"]["reason"] == "ended"
    assert routes.numbers_of("people")["gate"].event == 2


def test_what_a_job_had_begun_in_the_worker_that_it_leaves_ends_there() -> None:
    routes, said, _ = router("people")
    routes.route("main", begun("a", 1))
    routes.job_moves("people", "main", ["gate"])
    assert len(said.published) == 1
    routes.job_moves("people", "other", ["gate"])
    assert json.loads(said.payloads[-1])["data"]["reason"] == "restarted"


def test_what_moves_without_the_source_or_paused_has_ended() -> None:
    routes, said, _ = router("people")
    routes.route("main", begun("b", 1, zone="hall"))
    routes.job_moves("people", "other", [])
    assert json.loads(said.payloads[-1])["data"]["reason"] == "ended"


def numbered(seq: int, job: str = "people") -> Output:
    payload = json.dumps(
        {"v": 1, "job": job, "seq": seq, "data": {"seq": 99}}, separators=(",", ":")
    ).encode()
    return Output(OutputKind.EVENT, job, "gate", payload, seq, qos=1)


def test_events_of_main_take_the_next_number_and_those_of_workers_go_on_after_it() -> None:
    routes, said, jobs = router("people")

    def encode(seq: int) -> bytes:
        return json.dumps({"type": "clip", "seq": seq}).encode()

    routes.say_event("people", "gate", encode)
    routes.route("main", numbered(1))
    routes.route("main", numbered(2))
    routes.say_event("people", "gate", encode)
    routes.worker_died("main", lambda job: True)
    routes.route("main", begun("a", 3))
    routes.worker_died("main", lambda job: True)
    routes.forget(jobs.pop("people"))
    routes.say_event("people", "gate", encode)
    told = [json.loads(payload) for payload in said.payloads]
    assert [event["seq"] for event in told if "seq" in event] == [1, 2, 3, 4, 6, 7]
    assert told[1]["data"] == {"seq": 99}
    assert routes.numbers_of("people")["gate"] == Numbering(track_id=3, event=4, mains=3), (
        "as a worker has it"
    )


@given(st.integers(0, 1 << 60), st.integers(0, 1 << 60), st.text())
def test_a_payload_gets_another_number_and_nothing_else(before: int, after: int, text: str) -> None:
    content = {"v": 1, "job": "a", "seq": before, "text": text}
    payload = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    changed = json.loads(renumbered(payload, after))
    assert changed == {**json.loads(payload), "seq": after}
    assert renumbered(b"{}", after) == b"{}"
