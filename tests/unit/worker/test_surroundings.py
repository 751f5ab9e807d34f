from __future__ import annotations

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


def _job(numbers: Numbering) -> JobSpec:
    return JobSpec("people", ("gate",), (), Sampling(), numbering={"gate": numbers})
