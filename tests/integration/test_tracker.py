"""The tracker behind a real detector on real footage: as many objects as people, whatever the sampling."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from algos.detector import Detector
from algos.tracker import Tracker
from edged.algorithm import Detection, Frame
from edged.model.detection import Outcome
from tests.pictures import decoded_frames, header_of, opened

pytestmark = pytest.mark.assets

TRUTH = json.loads((Path(__file__).parents[1] / "truth" / "one-by-one-person-detection.json").read_text())
PEOPLE = [(person["first_seen"], person["last_seen"]) for person in TRUTH["people"]]
"""First and last frame of each, as seen by eye: each comes in at the bottom, stands at the table and goes out
on the right.
"""
STEPS = (2, 3, 10)
"""Every how many frames of 10 a second a run is: 5, 3.3 and 1 a second."""
LOOKED_AT = 10
"""Every how many frames the pictures themselves are kept."""
Found = Mapping[int, tuple[Frame, tuple[Detection, ...]]]


@pytest.fixture(scope="module")
def found(assets: Path) -> Found:
    """What YOLOX finds in each frame that any of the samplings needs."""
    detector = opened(
        Detector, {"model": "yolox_nano_416.onnx", "score": 0.1, "labels": ["person"]}, [assets]
    )
    seen = {}
    video = assets / "one-by-one-person-detection.mp4"
    blank = np.zeros(0, dtype=np.uint8)
    for frame, _ in decoded_frames(video, 1, 10_000):
        if not blank.size:
            blank = np.full(frame.header.format.frame_bytes, 128, dtype=np.uint8)
        index = frame.header.index
        if any(index % step == 0 for step in STEPS):
            detections = detector.run([frame], Outcome()).detections or ()
            kept = frame if index % LOOKED_AT == 0 else Frame(frame.header, blank)
            seen[index] = (kept, detections)
    return seen


class Watch:
    """A tracker, and what it told."""

    def __init__(self, assets: Path, params: dict[str, Any]) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.counters: Counter[str] = Counter()
        self.tracker = opened(
            Tracker,
            params,
            [assets],
            emit=lambda kind, fields: self.events.append((kind, fields)),
            counters=self.counters,
        )

    def ids(self, frame: Frame, detections: tuple[Detection, ...]) -> set[int]:
        outcome = self.tracker.run([frame], Outcome(detections))
        return {each.track_id for each in outcome.detections or () if each.track_id is not None}

    def ended(self) -> list[dict[str, Any]]:
        self.tracker.reset()
        return [fields for kind, fields in self.events if kind == "object_end"]


@pytest.mark.parametrize("step", STEPS)
def test_each_person_is_one_object_from_the_first_frame_to_the_last(
    assets: Path, found: Found, step: int
) -> None:
    watch = Watch(assets, {})
    for index, (frame, detections) in found.items():
        if index % step == 0:
            watch.ids(frame, detections)
    ended = watch.ended()
    assert [fields["track_id"] for fields in ended] == [1, 2, 3, 4, 5, 6]
    slack_s = 1.5 + step / 10  # the detector wants to see more than the top of a head
    for fields, (first, last) in zip(ended, PEOPLE, strict=True):
        assert fields["data"]["first_seen"] == pytest.approx(first / 10, abs=slack_s)
        assert fields["data"]["last_seen"] == pytest.approx(last / 10, abs=slack_s)
        assert fields["data"]["travelled"] > 0.3
    assert [kind for kind, _ in watch.events] == ["object_start", "object_end"] * 6


def standing(found: Found) -> list[tuple[int, int, Frame, tuple[Detection, ...]]]:
    """Person, time in ms, frame and boxes, as if each stood at the table a moment after the one before."""
    runs, now_ms = [], 0
    for person, (first, last) in enumerate(PEOPLE):
        for index in range(first + 30, last - 20):
            if index % LOOKED_AT == 0:
                runs.append((person, now_ms, *found[index]))
                now_ms += LOOKED_AT * 100
        now_ms += 600
    return runs


def test_people_at_one_place_are_told_apart_by_their_looks(assets: Path, found: Found) -> None:
    looks = Watch(assets, {"appearance": {"model": "person_reid_retail_0288.onnx"}})
    motion = Watch(assets, {})
    seen: dict[int, set[int]] = {}
    for person, now_ms, frame, detections in standing(found):
        moved = Frame(header_of(frame.header.format, pts_us=now_ms * 1000), frame.pixels)
        seen.setdefault(person, set()).update(looks.ids(moved, detections))
        motion.ids(moved, detections)
    assert seen == {person: {person + 1} for person in range(len(PEOPLE))}
    assert len(motion.ended()) == 1, "motion alone cannot know: this test shows something"
    assert len(PEOPLE) < looks.counters["tracker.embeddings"] <= 1.1 * now_ms / 1000
    assert not motion.counters
