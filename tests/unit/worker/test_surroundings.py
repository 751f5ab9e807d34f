from __future__ import annotations

from dataclasses import replace

from edged.model.messages import JobSpec, Numbering
from edged.model.sampling import Sampling
from edged.model.scene import Scene
from edged.worker.surroundings import Surroundings

DOOR = ((0.1, 0.1), (0.2, 0.1), (0.2, 0.2))


def test_an_unchanged_scene_stays_the_same_object() -> None:
    around = Surroundings()
    known_by_a_chain = around.scenes
    around.show({"gate": Scene({"door": DOOR}), "yard": Scene()})
    gate, yard = around.scenes["gate"], around.scenes["yard"]
    around.show({"gate": Scene({"door": DOOR}), "yard": Scene({"lawn": DOOR})})
    assert known_by_a_chain["gate"] is gate
    assert known_by_a_chain["yard"] is not yard
    around.show({})
    assert known_by_a_chain == {}


def test_a_track_id_is_given_out_once() -> None:
    around = Surroundings()
    ids = around.track_ids("people", "gate")
    assert [ids.next(), ids.next()] == [1, 2]
    around.continue_numbers([_job(Numbering(track_id=40))])
    around.continue_numbers([_job(Numbering(track_id=3))])
    loaded_anew = around.track_ids("people", "gate")
    assert [loaded_anew.next(), ids.next()] == [41, 42]
    assert ids.last == 42
    assert around.track_ids("people", "yard").next() == 1


def test_what_an_instance_keeps_is_for_the_next_one() -> None:
    around = Surroundings()
    around.kept(_job(), "gate")["lines"] = {"entry": {"in": 3, "out": 1}}
    around.continue_numbers([_job(Numbering(counts='{"total":0,"lines":{"entry":{"in":2,"out":1}}}'))])
    assert around.kept(_job(), "gate") == {"lines": {"entry": {"in": 3, "out": 1}}}, "it knows better"
    assert around.kept(_job(), "yard") == {}
    restarted = replace(_job(), load=7)
    assert around.kept(restarted, "gate") == {}
    assert around.kept(restarted, "gate") is around.kept(restarted, "gate")


def test_another_worker_counts_on_over_lines() -> None:
    around = Surroundings()
    around.continue_numbers([_job(Numbering(counts='{"total":0,"lines":{"entry":{"in":2,"out":1}}}'))])
    assert around.kept(_job(), "gate") == {"lines": {"entry": {"in": 2, "out": 1}}}


def _job(numbers: Numbering | None = None) -> JobSpec:
    return JobSpec("people", ("gate",), (), Sampling(), numbering={"gate": numbers} if numbers else {})
