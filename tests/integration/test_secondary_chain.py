"""Detector, tracker, classifier and re-identification behind one another on a real video."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from algos.classifier import Classifier
from algos.detector import Detector
from algos.embedding import Embedding
from algos.tracker import Tracker
from edged.algorithm import Outcome
from tests.classifiers import mean_model
from tests.pictures import decoded_frames, opened

EVERY_S = 2.0


@pytest.mark.assets
def test_people_are_looked_at_when_confirmed_and_every_two_seconds(assets: Path, tmp_path: Path) -> None:
    """Five runs a second for 44 s, in which two people come and go; what else is there is left alone."""
    mean_model(tmp_path / "light.onnx", "batch")
    counters: Counter[str] = Counter()
    secondary = {"of": ["person"], "every": EVERY_S, "grow": None}
    params = {
        Detector: {"model": "yolox_nano_416.onnx", "score": 0.3},
        Tracker: {},
        Classifier: {"model": "light.onnx", **secondary},
        Embedding: {"model": "person_reid_retail_0288.onnx", **secondary},
    }
    chain = [
        opened(algorithm, given, [assets, tmp_path], counters=counters) for algorithm, given in params.items()
    ]
    looked: dict[int, int] = {}
    looks = told = before_any_id = 0
    others: Counter[str] = Counter()
    for frame, _ in decoded_frames(assets / "one-by-one-person-detection.mp4", 2, 220):
        outcome = Outcome()
        for algorithm in chain:
            outcome = algorithm.run([frame], outcome)
        for found in outcome.detections or ():
            if found.label != "person" or (found.track_id is None and looked):
                others[found.label] += 1
                assert not found.attributes
                continue
            told += 1
            assert set(found.attributes) == {"light", "embedding"}
            if found.track_id is None:
                before_any_id += 1
            elif frame.header.pts_us - looked.get(found.track_id, -(10**9)) >= EVERY_S * 1e6:
                looked[found.track_id] = frame.header.pts_us
                looks += 1
    assert len(looked) >= 2, "people"
    assert others["person"] and len(others) > 1, "others were there, too, and people not confirmed yet"
    for name in ("classifier", "embedding"):
        assert counters[f"{name}.crops"] == looks + before_any_id
        assert counters[f"{name}.cached"] == told - looks - before_any_id
        assert counters[f"{name}.waiting"] == 0
    assert looks + before_any_id < told / 5
