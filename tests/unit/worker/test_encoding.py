"""Payloads as the contract writes them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.errors import AlgorithmError
from edged.model.detection import Detection, Outcome
from edged.model.frame import FrameFormat, FrameHeader
from edged.types import MonotonicNs, PtsUs, WallNs
from edged.worker.encoding import (
    Latency,
    Origin,
    count,
    encode_counts,
    encode_event,
    encode_result,
    zone_counts,
)

ORIGIN = Origin("gate-01", "people", "gate", "7f3a")
LATENCY = Latency(0.4321, 7.06, 8.96)
FRAME = FrameHeader(
    epoch=1,
    index=1234,
    key_index=20,
    pts_us=PtsUs(41_133_000),
    t0_us=PtsUs(0),
    first_index=0,
    first_key_index=0,
    previous_us=None,
    previous_key_us=None,
    keyframe=False,
    captured_ns=MonotonicNs(1),
    captured_wall_ns=WallNs(1_795_165_200_123_999_999),
    format=FrameFormat(1920, 1080),
)


def result(outcome: Outcome) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(encode_result(ORIGIN, 42, FRAME, LATENCY, outcome))
    return decoded


def test_the_result_of_the_contract() -> None:
    found = Detection(
        box=(0.1, 0.2, 0.3, 0.9),
        score=0.91,
        label="person",
        label_id=0,
        track_id=7,
        zones=("door",),
        attributes={"helmet": {"label": "no", "score": 0.8}},
        keypoints=((0.2, 0.3, 0.9),),
    )
    assert result(Outcome((found,), {"x": 1})) == {
        "v": 1,
        "device": "gate-01",
        "job": "people",
        "source": "gate",
        "boot": "7f3a",
        "seq": 42,
        "time": "2026-11-20T09:00:00.123Z",
        "frame": {"index": 1234, "pts": 41.133, "width": 1920, "height": 1080},
        "latency_ms": {"wait": 0.4, "inference": 7.1, "total": 9.0},
        "detections": [
            {
                "label": "person",
                "label_id": 0,
                "score": 0.91,
                "box": [0.1, 0.2, 0.3, 0.9],
                "track_id": 7,
                "zones": ["door"],
                "attributes": {"helmet": {"label": "no", "score": 0.8}},
                "keypoints": [[0.2, 0.3, 0.9]],
            }
        ],
        "data": {"x": 1},
    }


def test_what_does_not_apply_is_left_out() -> None:
    assert not {"detections", "data"} & result(Outcome()).keys()
    assert result(Outcome(()))["detections"] == []
    assert result(Outcome((Detection((0, 0, 1, 1), 0.5),)))["detections"] == [
        {"score": 0.5, "box": [0.0, 0.0, 1.0, 1.0]}
    ]


def test_numpy_becomes_json_and_nan_null() -> None:
    found = Detection(
        (np.float32(0.1), 0.2, np.float64(0.3), 1), np.float32(0.5), "a", np.int64(3), np.int32(4)
    )
    data = {"a": np.arange(3), "b": np.float32(1.5), "c": float("nan"), "d": np.bool_(True), "e": (1, 2)}
    decoded = result(Outcome((found,), data))
    assert decoded["detections"] == [
        {"label": "a", "label_id": 3, "score": 0.5, "box": [0.1, 0.2, 0.3, 1.0], "track_id": 4}
    ]
    assert decoded["data"] == {"a": [0, 1, 2], "b": 1.5, "c": None, "d": True, "e": [1, 2]}


def test_what_json_does_not_know_is_named() -> None:
    with pytest.raises(AlgorithmError, match=r"data\.a\[1\].*set"):
        result(Outcome(data={"a": [1, {2}]}))
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(AlgorithmError, match="data"):
        result(Outcome(data={"a": endless}))
    with pytest.raises(AlgorithmError, match="boxes and scores are numbers"):
        result(Outcome((Detection(None, 0.5),)))  # type: ignore[arg-type]
    with pytest.raises(AlgorithmError, match="more than 1000000"):
        result(Outcome(data={"a": "ä" * 600_000}))


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), json_values, max_size=4))
def test_json_comes_back_as_it_went(data: dict[str, Any]) -> None:
    assert result(Outcome(data=data)).get("data", {}) == data


def test_counts() -> None:
    found = [
        Detection((0, 0, 1, 1), 0.5, "person", zones=("door", "hall")),
        Detection((0, 0, 1, 1), 0.5, "person", zones=("door",)),
        Detection((0, 0, 1, 1), 0.5, "dog"),
    ]
    assert count(Outcome(tuple(found))) == {
        "total": 3,
        "labels": {"dog": 1, "person": 2},
        "zones": {"door": 2, "hall": 1},
    }
    assert json.loads(encode_counts(count(Outcome(())), FRAME)) == {
        "total": 0,
        "labels": {},
        "time": "2026-11-20T09:00:00.123Z",
    }


def test_counts_of_an_algorithm_stand_beside_those_of_detections() -> None:
    found = (Detection((0, 0, 1, 1), 0.5, "person", zones=("door",)),)
    counted = {"zones": {"hall": 0, "door": 1}, "lines": {"entry": {"in": 3, "out": 1}}}
    assert count(Outcome(found, counts=counted)) == {"total": 1, "labels": {"person": 1}, **counted}
    assert zone_counts(Outcome(found, counts=counted)) == {"door": 1, "hall": 0}


def test_an_event() -> None:
    event = json.loads(encode_event(ORIGIN, 42, FRAME, "fall", {"label": "person", "zone": None, "id": "x"}))
    assert event == {
        "v": 1,
        "device": "gate-01",
        "job": "people",
        "source": "gate",
        "boot": "7f3a",
        "seq": 42,
        "time": "2026-11-20T09:00:00.123Z",
        "type": "fall",
        "label": "person",
        "id": "x",
        "frame": {"index": 1234, "pts": 41.133, "width": 1920, "height": 1080},
    }
