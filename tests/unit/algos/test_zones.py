from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from algos.zones import Zones
from edged.algorithm import AlgorithmError, Detection, Frame, Outcome, ParamsInvalid
from edged.model.scene import Calibration, Scene
from tests.pictures import gray_frame, opened

LEFT = ((0.0, 0.0), (0.4, 0.0), (0.4, 1.0), (0.0, 1.0))
RIGHT = ((0.6, 0.0), (1.0, 0.0), (1.0, 1.0), (0.6, 1.0))
MIDDLE = ((0.5, 1.0), (0.5, 0.0))
"""``in`` is to the right of the picture."""
SCENE = Scene(zones={"left": LEFT, "right": RIGHT}, lines={"gate": MIDDLE})
BLACK = np.zeros((90, 160), dtype=np.uint8)


def person(
    x: float, track_id: int | None = 1, *, y: float = 0.8, label: str = "person", **more: Any
) -> Detection:
    """Stands with its feet at (x, y)."""
    return Detection((x - 0.04, y - 0.3, x + 0.04, y), 0.9, label, 0, track_id, **more)


class Rig:
    """One instance on a source whose scene may change."""

    def __init__(
        self,
        params: dict[str, Any] | None = None,
        scene: Scene | None = SCENE,
        kept: dict[str, Any] | None = None,
    ) -> None:
        self.scenes = {} if scene is None else {"gate": scene}
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.zones = opened(
            Zones,
            params or {},
            scenes=self.scenes,
            kept={} if kept is None else kept,
            emit=lambda kind, fields: self.events.append((kind, fields)),
        )

    def see(self, now_s: float, *detections: Detection, frame: Frame | None = None) -> Outcome:
        window = [frame or gray_frame(BLACK, pts_us=round(now_s * 1e6))]
        return self.zones.run(window, Outcome(detections, {"kept": 1}, {"doors": 2}))

    def told(self, *keys: str) -> list[tuple[Any, ...]]:
        """Type and the ``keys`` of what was emitted since the last time."""
        events, self.events = self.events, []
        return [
            (kind, *({**fields, **fields.get("data", {})}.get(key) for key in keys))
            for kind, fields in events
        ]


def zones_of(outcome: Outcome) -> list[tuple[str, ...]]:
    return [detection.zones for detection in outcome.detections or ()]


def test_detections_know_their_zones_and_all_zones_and_lines_are_counted() -> None:
    outcome = Rig().see(0, person(0.2, 1), person(0.5, 2), person(0.7, 3), person(0.8, 4))
    assert zones_of(outcome) == [("left",), (), ("right",), ("right",)]
    assert outcome.counts == {
        "doors": 2,
        "zones": {"left": 1, "right": 2},
        "lines": {"gate": {"in": 0, "out": 0, "labels": {}}},
    }
    assert outcome.data == {"kept": 1}


def test_empty_zones_count_zero() -> None:
    assert Rig().see(0).counts["zones"] == {"left": 0, "right": 0}


def test_without_zones_and_lines_nothing_is_counted() -> None:
    assert Rig(scene=Scene()).see(0, person(0.2)).counts == {"doors": 2}
    assert Rig(scene=None).see(0, person(0.2)).counts == {"doors": 2}


def test_a_chain_that_detects_nothing_stays_one() -> None:
    outcome = Rig().zones.run([gray_frame(BLACK)], Outcome())
    assert outcome.detections is None
    assert outcome.counts["zones"] == {"left": 0, "right": 0}


def test_an_object_enters_crosses_and_leaves() -> None:
    rig = Rig()
    for now, x in enumerate([0.2, 0.3, 0.48, 0.55, 0.7, 0.8]):
        outcome = rig.see(now, person(x, 7))
    assert rig.told("zone", "line", "direction", "track_id", "label", "score", "seconds", "reason") == [
        ("zone_enter", "left", None, None, 7, "person", 0.9, None, None),
        ("zone_exit", "left", None, None, 7, "person", 0.9, 2.0, "left"),
        ("line_cross", None, "gate", "in", 7, "person", 0.9, None, None),
        ("zone_enter", "right", None, None, 7, "person", 0.9, None, None),
    ]
    assert outcome.counts["lines"]["gate"] == {"in": 1, "out": 0, "labels": {"person": {"in": 1, "out": 0}}}
    assert zones_of(outcome) == [("right",)]


def test_events_have_their_box() -> None:
    rig = Rig()
    rig.see(0, person(0.2))
    assert rig.events[0][1]["box"] == list(person(0.2).box)


def test_a_jittering_box_enters_once_and_crosses_once() -> None:
    rig, random = Rig(), np.random.default_rng(2)
    for frame in range(200):
        jitter = float(random.uniform(-0.003, 0.003))
        rig.see(frame / 10, person(0.4 + jitter, 1), person(0.5 + jitter, 2))
    assert rig.told("zone", "track_id") == [("zone_enter", "left", 1)]


def test_other_labels_pass_untouched() -> None:
    rig = Rig({"labels": ["person"]})
    car = person(0.2, 2, label="car")
    outcome = rig.see(0, car, person(0.2, 1))
    assert outcome.detections is not None
    assert outcome.detections[0] is car
    assert outcome.counts["zones"] == {"left": 1, "right": 0}


def test_lines_count_by_label() -> None:
    rig = Rig()
    for now, x in enumerate([0.2, 0.8]):
        outcome = rig.see(now, person(x, 1), person(1 - x, 2, label="car"))
    assert outcome.counts["lines"]["gate"] == {
        "in": 1,
        "out": 1,
        "labels": {"car": {"in": 0, "out": 1}, "person": {"in": 1, "out": 0}},
    }


def test_the_next_instance_counts_on() -> None:
    kept: dict[str, Any] = {}
    for number in (1, 2):
        rig = Rig(kept=kept)
        for now, x in enumerate([0.2, 0.8]):
            outcome = rig.see(now, person(x))
        walked = {"in": number, "out": 0, "labels": {"person": {"in": number, "out": 0}}}
        assert outcome.counts["lines"] == {"gate": walked}


def test_an_object_lost_before_the_line_and_found_behind_it_is_counted() -> None:
    rig = Rig({"lost_after": 2})
    rig.see(0, person(0.3))
    for now in range(1, 20):
        rig.see(now)
    rig.see(20, person(0.7))
    assert rig.told("zone", "line", "seconds", "reason") == [
        ("zone_enter", "left", None, None, None),
        ("zone_exit", "left", None, 0.0, "lost"),
        ("zone_enter", "right", None, None, None),
        ("line_cross", None, "gate", None, None),
    ]


def test_an_object_out_of_sight_for_a_moment_stays_inside() -> None:
    rig = Rig()
    for now in range(10):
        outcome = rig.see(now, *([person(0.2)] if now % 3 == 0 else []))
        assert outcome.counts["zones"]["left"] == 1
    assert rig.told() == [("zone_enter",)]


def test_what_is_long_gone_is_forgotten() -> None:
    rig = Rig({"lost_after": 1})
    rig.see(0, person(0.3))
    rig.see(61)
    rig.told()
    outcome = rig.see(62, person(0.7))
    assert outcome.counts["lines"]["gate"]["in"] == 0
    assert rig.told("zone") == [("zone_enter", "right")]


def test_memory_is_bounded_over_weeks_of_objects() -> None:
    rig = Rig()
    for now in range(3000):
        rig.see(now, *(person(0.2 + 0.1 * k, 5 * now + k) for k in range(5)))
    zones = rig.zones
    assert isinstance(zones, Zones)
    kept = len(zones._objects)
    assert kept <= 5 * 62
    assert len(zones._watched.lines["gate"].crossings) == kept


def test_dwelling_is_told_once_a_stay_for_all_zones_or_by_name() -> None:
    everywhere, by_name = Rig({"dwell": 5}), Rig({"dwell": {"right": 5}})
    for rig in (everywhere, by_name):
        for now in range(12):
            rig.see(now, person(0.2, 1), person(0.8, 2))
    dwelt = [event for event in everywhere.told("zone", "track_id", "seconds") if event[0] == "zone_dwell"]
    assert dwelt == [("zone_dwell", "left", 1, 5.0), ("zone_dwell", "right", 2, 5.0)]
    assert [event for event in by_name.told("zone") if event[0] == "zone_dwell"] == [("zone_dwell", "right")]


def test_entering_and_leaving_take_the_time_that_is_asked_for() -> None:
    rig = Rig({"enter_after": 2, "leave_after": 3})
    inside = [True, False, True, True, True, False, False, True, False, False, False, False]
    zones = [
        zones_of(rig.see(now, person(0.2 if here else 0.5)))[0] == ("left",)
        for now, here in enumerate(inside)
    ]
    assert zones == [now in range(4, 10) for now in range(12)]
    assert rig.told("seconds") == [("zone_enter", 2.0), ("zone_exit", 6.0)]


def test_too_many_inside_are_told_once() -> None:
    rig = Rig({"limit": {"left": 1}, "limit_after": 2})
    for now in range(10):
        rig.see(now, person(0.1, 1), person(0.3, 2), person(0.7, 3), person(0.8, 4))
    over = [event for event in rig.told("zone", "count", "limit", "track_id") if event[0] == "count_over"]
    assert over == [("count_over", "left", 2, 1, None)]


@pytest.mark.parametrize(
    ("anchor", "zones"),
    [("bottom_center", ("floor",)), ("center", ()), ("top_center", ("shelf",)), ("top_left", ("shelf",))],
)
def test_the_anchor_is_the_point_that_counts(anchor: str, zones: tuple[str, ...]) -> None:
    scene = Scene(
        zones={
            "floor": ((0.0, 0.75), (1.0, 0.75), (1.0, 1.0), (0.0, 1.0)),
            "shelf": ((0.0, 0.4), (1.0, 0.4), (1.0, 0.6), (0.0, 0.6)),
        }
    )
    assert zones_of(Rig({"anchor": anchor}, scene).see(0, person(0.5))) == [zones]


def test_without_a_tracker_zones_count_and_nothing_is_told(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig({"limit": 1, "limit_after": 0})
    with caplog.at_level(logging.WARNING):
        for now in range(30):
            outcome = rig.see(now, person(0.2, None), person(0.3, None), person(0.2 + now / 60, None))
    assert zones_of(outcome) == [("left",), ("left",), ("right",)]
    assert outcome.counts["zones"] == {"left": 2, "right": 1}
    assert outcome.counts["lines"]["gate"]["in"] == 0
    assert rig.told("zone") == [("count_over", "left")]
    assert [record.message for record in caplog.records if "tracker" in record.message] == [
        "people on gate: no detection has a track id, so zones counts who is inside and nothing else;"
        " put {algorithm: tracker} before it, if there is none"
    ]


def test_behind_a_tracker_what_it_has_not_confirmed_is_not_counted() -> None:
    rig = Rig()
    rig.see(0, person(0.2, 1))
    outcome = rig.see(1, person(0.2, 1), person(0.3, None))
    assert zones_of(outcome) == [("left",), ("left",)]
    assert outcome.counts["zones"]["left"] == 1


def test_two_links_add_up() -> None:
    first = Rig({"zones": ["left"], "lines": []}).see(0, person(0.2))
    second = Rig({"zones": ["right"], "anchor": "center"})
    outcome = second.zones.run([gray_frame(BLACK)], first)
    assert zones_of(outcome) == [("left",)]
    assert outcome.counts["zones"] == {"left": 1, "right": 0}
    assert list(outcome.counts["lines"]) == ["gate"]


def test_a_new_epoch_forgets_positions_and_goes_on_counting() -> None:
    rig = Rig()
    for now, x in enumerate([0.2, 0.7]):
        rig.see(now, person(x))
    rig.told()
    rig.zones.reset()
    outcome = rig.see(0, person(0.2))
    assert rig.told("zone", "seconds", "reason") == [
        ("zone_exit", "right", 0.0, "restarted"),
        ("zone_enter", "left", None, None),
    ]
    assert outcome.counts["lines"]["gate"]["in"] == 1
    assert outcome.counts["lines"]["gate"]["out"] == 0


def test_a_clock_that_goes_back_is_a_new_epoch() -> None:
    rig = Rig()
    rig.see(1000, person(0.2))
    rig.see(0, person(0.8))
    assert rig.told("zone", "reason") == [
        ("zone_enter", "left", None),
        ("zone_exit", "left", "restarted"),
        ("zone_enter", "right", None),
    ]


def test_what_stays_in_the_scene_keeps_its_state_while_others_change() -> None:
    rig = Rig({"dwell": 3})
    for now, x in enumerate([0.2, 0.8]):
        rig.see(now, person(0.2, 1), person(x, 2))
    rig.told()
    rig.scenes["gate"] = Scene(
        zones={"left": LEFT, "new": RIGHT}, lines={"gate": MIDDLE, "other": (MIDDLE[1], MIDDLE[0])}
    )
    outcome = rig.see(2, person(0.2, 1), person(0.8, 2))
    assert rig.told("zone", "track_id", "reason") == [
        ("zone_exit", "right", 2, "redrawn"),
        ("zone_enter", "new", 2, None),
    ]
    assert outcome.counts["zones"] == {"left": 1, "new": 1}
    assert outcome.counts["lines"]["gate"]["in"] == 1
    assert outcome.counts["lines"]["other"]["in"] == 0
    rig.see(3, person(0.2, 1), person(0.2, 2))
    assert ("zone_dwell", "left", 1) in rig.told("zone", "track_id")
    outcome = rig.see(4, person(0.2, 1), person(0.2, 2))
    assert outcome.counts["lines"]["gate"]["out"] == 1
    assert outcome.counts["lines"]["other"] == {"in": 1, "out": 0, "labels": {"person": {"in": 1, "out": 0}}}


def test_a_line_that_moved_counts_anew_and_one_that_is_gone_is_not_counted() -> None:
    rig = Rig()
    for now, x in enumerate([0.2, 0.8]):
        rig.see(now, person(x))
    rig.scenes["gate"] = Scene(lines={"gate": ((0.45, 1.0), (0.45, 0.0))})
    outcome = rig.see(2, person(0.8))
    assert outcome.counts == {"doors": 2, "lines": {"gate": {"in": 0, "out": 0, "labels": {}}}}
    rig.scenes["gate"] = Scene()
    assert rig.see(3, person(0.8)).counts == {"doors": 2}


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"zones": ["lefd"]}, r"zones: the source has no zone 'lefd'; did you mean 'left'\?"),
        ({"lines": ["entry"]}, "lines: the source has no line 'entry'; it has gate"),
        ({"dwell": {"rigth": 3}}, r"dwell: the source has no zone 'rigth'; did you mean 'right'\?"),
        ({"limit": {"hall": 3}}, "limit: the source has no zone 'hall'; it has left, right"),
    ],
)
def test_a_name_that_the_source_does_not_have_is_an_error_until_it_has(
    params: dict[str, Any], message: str
) -> None:
    rig = Rig(params)
    for _ in range(2):
        with pytest.raises(AlgorithmError, match=message):
            rig.see(0, person(0.2))
    names = ("left", "right", "lefd", "rigth", "hall")
    rig.scenes["gate"] = Scene(zones=dict.fromkeys(names, LEFT), lines={"gate": MIDDLE, "entry": MIDDLE})
    rig.see(0, person(0.2))


def test_names_are_accepted_where_no_scene_is_known() -> None:
    assert Rig({"zones": ["anything"], "dwell": {"hall": 3}}, None).see(0, person(0.2)).counts == {"doors": 2}


@pytest.mark.parametrize(
    ("scene", "message"),
    [
        (Scene(zones={"door": ((0.1, 0.1), (0.2, 0.2), (0.7, 0.7))}), "zone 'door' has no area"),
        (Scene(lines={"entry": ((0.1, 0.1), (0.1, 0.1))}), "line 'entry' has no length"),
        (Scene(calibration=Calibration(LEFT, ((0, 0),) * 4)), "calibration: the points fix no plane"),
    ],
)
def test_a_scene_that_makes_no_sense_is_an_error(scene: Scene, message: str) -> None:
    with pytest.raises(AlgorithmError, match=message):
        Rig(scene=scene).see(0, person(0.2))


@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_a_box_that_is_no_number_is_an_error(wrong: float) -> None:
    with pytest.raises(AlgorithmError, match="NaN or infinite"):
        Rig().see(0, Detection((0.1, 0.1, wrong, 0.2), 0.5, track_id=1))


def test_ten_thousand_boxes_have_a_right_answer() -> None:
    places = np.random.default_rng(0).random(10_000).tolist()
    outcome = Rig().see(0, *(person(x, track_id) for track_id, x in enumerate(places)))
    assert outcome.counts["zones"] == {
        "left": sum(x <= 0.4 for x in places),
        "right": sum(x >= 0.6 for x in places),
    }


# 20 m of a street, 10 m wide, seen from straight above
STREET = Calibration(((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)), ((0, 0), (20, 0), (20, 10), (0, 10)))


def walk(rig: Rig, xs: Sequence[float]) -> Outcome:
    for now, x in enumerate(xs):
        outcome = rig.see(now, person(x, attributes={"coat": {"label": "red"}}))
    return outcome


def test_speed_where_the_source_is_calibrated() -> None:
    rig = Rig(scene=Scene(SCENE.zones, SCENE.lines, calibration=STREET))
    outcome = walk(rig, [0.2, 0.3, 0.45, 0.6, 0.75])
    assert outcome.detections is not None
    attributes = outcome.detections[0].attributes
    assert attributes["coat"] == {"label": "red"}
    assert attributes["speed"]["unit"] == "m/s"
    assert attributes["speed"]["value"] == pytest.approx(2.8, abs=0.2)
    assert attributes["speed"]["heading"] == 0
    crossing = [fields for kind, fields in rig.events if kind == "line_cross"]
    assert crossing[0]["data"]["speed"] == pytest.approx(2.8, abs=0.2)
    assert [fields["data"]["speed"] > 2 for kind, fields in rig.events if kind == "zone_exit"] == [True]


def test_no_speed_where_the_feet_are_below_the_picture_or_nothing_is_calibrated() -> None:
    rig = Rig(scene=Scene(calibration=STREET))
    for now in range(5):
        outcome = rig.see(now, person(0.2 + 0.1 * now, y=1.0))
    assert outcome.detections is not None
    assert "speed" not in outcome.detections[0].attributes
    assert walk(Rig(), [0.2, 0.3, 0.4]).detections[0].attributes == {"coat": {"label": "red"}}  # type: ignore[index]


def test_a_new_calibration_measures_anew() -> None:
    rig = Rig(scene=Scene(calibration=STREET))
    walk(rig, [0.2, 0.3, 0.4])
    double = Calibration(STREET.image, tuple((2 * x, 2 * y) for x, y in STREET.ground))
    rig.scenes["gate"] = Scene(calibration=double)
    outcome = rig.see(3, person(0.5))
    assert outcome.detections is not None
    assert "speed" not in outcome.detections[0].attributes
    outcome = rig.see(4, person(0.6))
    assert outcome.detections is not None
    assert outcome.detections[0].attributes["speed"]["value"] == pytest.approx(4, abs=0.01)


def test_a_picture_of_another_shape_keeps_the_counts() -> None:
    rig = Rig()
    for now, x in enumerate([0.2, 0.8]):
        rig.see(now, person(x))
    square = gray_frame(np.zeros((90, 90), dtype=np.uint8), pts_us=2_000_000)
    outcome = rig.see(2, person(0.8), frame=square)
    assert outcome.counts["lines"]["gate"]["in"] == 1
    assert outcome.counts["zones"] == {"left": 0, "right": 1}


@pytest.mark.parametrize(
    "params",
    [
        {"anchor": "feet"},
        {"dwell": 0},
        {"limit": -1},
        {"margin": -0.1},
        {"limit": {"door": "many"}},
        {"labels": []},
    ],
)
def test_params_that_make_no_sense_are_refused(params: dict[str, Any]) -> None:
    with pytest.raises(ParamsInvalid):
        Rig(params)


looks = st.tuples(
    st.floats(0.05, 4.0),
    st.dictionaries(st.integers(1, 4), st.floats(0, 1), max_size=4),
    st.sampled_from(["go on", "go on", "go on", "reset", "move the line", "take a zone away"]),
)


@given(
    st.lists(looks, max_size=40), st.sampled_from([{}, {"enter_after": 1, "leave_after": 0}, {"margin": 0}])
)
def test_counts_are_what_the_events_add_up_to(
    story: list[tuple[float, dict[int, float], str]], params: dict[str, Any]
) -> None:
    rig, now = Rig({"dwell": 3, "lost_after": 2, **params}), 0.0
    stays: set[tuple[str, int]] = set()
    for passed, places, then in story:
        now += passed
        outcome = rig.see(now, *(person(x, track_id) for track_id, x in places.items()))
        for kind, zone, track_id in rig.told("zone", "track_id"):
            if kind == "zone_enter":
                assert (zone, track_id) not in stays
                stays.add((zone, track_id))
            elif kind.startswith("zone"):
                assert (zone, track_id) in stays
                stays -= {(zone, track_id)} if kind == "zone_exit" else set()
        for zone, count in outcome.counts["zones"].items():
            assert count == sum(name == zone for name, _ in stays)
        for detection in outcome.detections or ():
            assert set(detection.zones) == {
                zone for zone, track_id in stays if track_id == detection.track_id
            }
        if then == "reset":
            rig.zones.reset()
        elif then == "move the line":
            rig.scenes["gate"] = Scene(rig.scenes["gate"].zones, {"gate": ((now % 1, 0.0), (0.5, 1.0))})
        elif then == "take a zone away":
            rig.scenes["gate"] = Scene({"left": LEFT}, rig.scenes["gate"].lines)
