"""The tracker in its chain: what it makes of detections, and what it tells."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from algos.tracker import Tracker
from edged.algorithm import AlgorithmError, Detection, Frame, Outcome, ParamsInvalid, TrackIds
from edged.model.frame import FrameFormat
from tests.pictures import constant_model, header_of, opened, read_only

LAYOUT = FrameFormat(64, 48)
PIXELS = read_only(np.full(LAYOUT.frame_bytes, 128, dtype=np.uint8))
Events = list[tuple[str, dict[str, Any]]]


def found(x: float, label: str = "person", score: float = 0.9) -> Detection:
    return Detection((x, 0.4, x + 0.1, 0.7), score, label, 0, attributes={"hat": "no"})


class Rig:
    """A tracker as a worker has it, and what it emitted."""

    def __init__(
        self, params: dict[str, Any] | None = None, folder: Path | None = None, last_id: int = 0
    ) -> None:
        self.events: Events = []
        self.counters: Counter[str] = Counter()
        self.tracker = opened(
            Tracker,
            params or {},
            [] if folder is None else [folder],
            emit=lambda kind, fields: self.events.append((kind, fields)),
            track_ids=TrackIds(last_id),
            counters=self.counters,
        )

    def run(self, now_s: float, *detections: Detection) -> Outcome:
        frame = Frame(header_of(LAYOUT, pts_us=round(now_s * 1e6)), PIXELS)
        return self.tracker.run([frame], Outcome(detections, {"motion": 0.1}, {"zones": {"a": 1}}))

    def ids(self, now_s: float, *detections: Detection) -> list[int | None]:
        return [each.track_id for each in self.run(now_s, *detections).detections or ()]

    def settle(self, *detections: Detection, until_s: float = 1.0) -> None:
        for tick in range(round(until_s * 10)):
            self.run(tick / 10, *detections)

    def told(self) -> list[tuple[str, int]]:
        return [(kind, fields["track_id"]) for kind, fields in self.events]


def test_what_is_confirmed_has_an_id_and_is_the_detectors_own_otherwise() -> None:
    rig = Rig(last_id=41)
    first = rig.run(0.0, found(0.3))
    assert first.detections == (found(0.3),)
    rig.run(0.1, found(0.31))
    outcome = rig.run(0.2, found(0.32), found(0.7))
    one, other = outcome.detections or ()
    assert (one.track_id, other.track_id) == (42, None)
    assert (one.box, one.score, one.label, one.attributes) == (found(0.32).box, 0.9, "person", {"hat": "no"})
    assert outcome.data == {"motion": 0.1}
    assert outcome.counts == {"zones": {"a": 1}}


def test_it_tells_when_an_object_comes_and_goes() -> None:
    rig = Rig({"lost_after": 1.0})
    for tick in range(20):
        rig.run(5 + tick / 10, found(0.2 + 0.02 * tick))
    for tick in range(20, 35):
        rig.run(5 + tick / 10)
    (start, started), (end, ended) = rig.events
    assert (start, end) == ("object_start", "object_end")
    assert started == {
        "label": "person",
        "score": 0.9,
        "box": [0.24, 0.4, 0.34, 0.7],
        "track_id": 1,
        "data": {"first_seen": 5.0},
    }
    assert ended["box"] == [0.58, 0.4, 0.68, 0.7]
    assert ended["data"] == {
        "duration": 1.9,
        "first_seen": 5.0,
        "last_seen": 6.9,
        "travelled": pytest.approx(0.38 * 64 / 48, abs=0.06),
        "reason": "lost",
    }


def test_jitter_is_no_way() -> None:
    rig = Rig()
    random = np.random.default_rng(1)
    for tick in range(300):
        rig.run(tick / 10, found(0.4 + random.normal(0, 0.003)))
    rig.tracker.reset()
    assert rig.events[-1][1]["data"]["travelled"] < 0.1


def test_a_new_epoch_ends_all_and_nobody_is_taken_over() -> None:
    rig = Rig()
    rig.settle(found(0.3), found(0.7))
    rig.tracker.reset()
    rig.tracker.reset()
    assert rig.told() == [("object_start", 1), ("object_start", 2), ("object_end", 1), ("object_end", 2)]
    assert rig.ids(0.0, found(0.3)) == [None]
    assert [rig.ids(0.1 + tick / 10, found(0.3)) for tick in range(5)][-1] == [3]


def test_only_the_labels_asked_for_are_followed_and_the_others_pass() -> None:
    rig = Rig({"labels": ["person"], "unconfirmed": "drop"})
    dog = found(0.6, "dog")
    rig.settle(found(0.3), dog)
    outcome = rig.run(1.0, dog, found(0.3), found(0.1))
    assert [(each.label, each.track_id) for each in outcome.detections or ()] == [
        ("dog", None),
        ("person", 1),
    ]


def test_a_smooth_box_stays_near_the_detectors_and_jitters_less() -> None:
    rig = Rig({"smooth": True})
    random = np.random.default_rng(2)
    seen, smoothed = [], []
    for tick in range(100):
        detection = found(0.2 + 0.005 * tick + random.normal(0, 0.006))
        (given,) = rig.run(tick / 10, detection).detections or ()
        seen.append(detection.box[0] - 0.2 - 0.005 * tick)
        smoothed.append(given.box[0] - 0.2 - 0.005 * tick)
    assert given.track_id == 1
    assert np.std(smoothed[20:]) < 0.8 * np.std(seen[20:])
    assert np.abs(smoothed).max() < 0.02


def test_boxes_that_are_none_are_left_alone() -> None:
    rig = Rig()
    nan, inf = float("nan"), float("inf")
    odd = [
        Detection((nan, 0, 1, 1), 0.9, "person"),
        Detection((0, 0, inf, 1), 0.9, "person"),
        Detection((0.5, 0.5, 0.5, 0.5), 0.9, "person"),
        Detection((0.9, 0.9, 0.1, 0.1), 0.9, "person"),
        Detection((0.2, 0.2, 0.3, 0.4), nan, "person"),
    ]
    for tick in range(10):
        ids = rig.ids(tick / 10, *odd, found(0.7))
    assert ids[0] is ids[1] is ids[4] is None
    assert ids[5] is not None


def test_no_boxes_and_ten_thousand() -> None:
    rig = Rig()
    assert rig.run(0.0).detections == ()
    random = np.random.default_rng(0)
    crowd = [found(x, score=score) for x, score in random.uniform(0, 0.9, (10_000, 2))]
    for tick in range(4):
        ids = rig.ids(0.1 + tick / 10, *crowd)
    assert len(ids) == 10_000
    given = [one for one in ids if one is not None]
    assert len(set(given)) == len(given) <= 300
    assert len(rig.tracker._follower.tracks) <= 300  # type: ignore[attr-defined]


def test_a_tracker_behind_nothing_that_detects_says_so() -> None:
    with pytest.raises(AlgorithmError, match="put it behind a detector"):
        Rig().tracker.run([Frame(header_of(LAYOUT), PIXELS)], Outcome())


@pytest.mark.parametrize(
    ("params", "path", "says"),
    [
        ({"score_low": 0.6}, "params", "score_low must not be above score_high"),
        ({"labels": []}, "labels", "leave it out for all"),
        ({"min_hits": 0}, "min_hits", "greater than or equal to 1"),
        ({"appearance": {"every": 2}}, "appearance.model", "must be given"),
        ({"appearance": {"model": "who.onnx"}}, "appearance.model", "who.onnx"),
    ],
)
def test_wrong_params_are_named(tmp_path: Path, params: dict[str, Any], path: str, says: str) -> None:
    with pytest.raises(ParamsInvalid, match=says) as caught:
        Rig(params, tmp_path)
    assert caught.value.path == path


def test_looks_are_taken_as_often_as_asked_and_counted(tmp_path: Path) -> None:
    vector = np.linspace(-1, 1, 16, dtype=np.float32)[None]
    model = constant_model(tmp_path / "looks.onnx", vector, input_shape=(1, 3, 64, 32))
    rig = Rig({"appearance": {"model": model.name, "every": 0.5}}, tmp_path)
    rig.settle(found(0.2), found(0.7), until_s=3.0)
    assert 2 * 5 <= rig.counters["tracker.embeddings"] <= 2 * 6
