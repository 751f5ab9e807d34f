"""From the payloads that jobs publish to what is drawn, and for how long."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from edged.algorithm.drawing.decal import NEVER_US, blank_pictures, lift, nothing, pack_decal
from edged.model.detection import Detection, Outcome
from edged.model.frame import FrameFormat, FrameHeader
from edged.model.output import Output, OutputKind
from edged.output.findings import Findings
from edged.types import MonotonicNs, PtsUs, WallNs
from edged.worker.encoding import Latency, Origin, encode_result
from tests.stopwatch import HANGS_S

HEADER = FrameHeader(
    epoch=1, index=10, key_index=0, pts_us=PtsUs(1_000_000), t0_us=PtsUs(0), first_index=0, first_key_index=0,
    previous_us=PtsUs(960_000), previous_key_us=None, keyframe=False, captured_ns=MonotonicNs(0),
    captured_wall_ns=WallNs(0), format=FrameFormat(64, 48),
)  # fmt: skip
FOUND = Detection(
    (0.1, 0.2, 0.3, 0.4), 0.5, "car", 2, 7, ("door",), {"color": {"label": "red"}}, ((0.1, 0.2, 0.9),)
)


def at(pts_s: float) -> FrameHeader:
    return replace(HEADER, pts_us=PtsUs(round(pts_s * 1e6)))


def result(pts_s: float = 1.0, *found: Detection, job: str = "cars", **data: Any) -> Output:
    payload = encode_result(
        Origin("box", job, "gate", "boot"), 1, at(pts_s), Latency(0, 0, 0), Outcome(found, data)
    )
    return Output(OutputKind.RESULT, job, "gate", payload)


def test_what_a_worker_encodes_comes_back_as_it_was() -> None:
    findings = Findings({"cars": 2.0})
    findings.put(result(1.0, FOUND, score=3))
    outcome, _ = findings.on(HEADER)
    assert outcome.detections == (FOUND,)
    assert outcome.data == {"score": 3}


def test_it_is_shown_until_something_newer_comes_or_its_time_is_over() -> None:
    findings = Findings({"cars": 2.0})
    findings.put(result(1.0, FOUND))
    assert findings.on(at(2.9))[0].detections
    assert not findings.on(at(3.1))[0].detections
    findings.put(result(3.0, FOUND))
    assert findings.on(at(3.1))[0].detections
    findings.put(result(3.2))
    assert not findings.on(at(3.3))[0].detections


def test_jobs_that_are_not_drawn_are_not_and_those_that_are_add_up() -> None:
    findings = Findings({"cars": 2.0, "people": 2.0})
    for job in ("cars", "people", "faces"):
        findings.put(result(1.0, FOUND, job=job))
    assert findings.on(HEADER)[0].detections == (FOUND, FOUND)


def test_counts_stay_and_tracks_leave_trails() -> None:
    findings = Findings({"cars": 2.0})
    counts = {"total": 1, "lines": {"entry": {"in": 12, "out": 4}}, "zones": {"door": 1}, "time": "…"}
    findings.put(Output(OutputKind.COUNTS, "cars", "gate", json.dumps(counts).encode()))
    for pts_s in (1.0, 1.5, 2.0):
        findings.put(result(pts_s, FOUND))
        outcome, trails = findings.on(at(pts_s))
    assert outcome.counts == {"lines": {"entry": {"in": 12, "out": 4}}, "zones": {"door": 1}}
    assert [trail.track_id for trail in trails] == [7]
    findings.put(Output(OutputKind.COUNTS, "cars", "gate", b""))
    assert findings.on(at(100.0))[0] == Outcome()


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.integers(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
)


@given(st.binary(max_size=40) | JSON.map(lambda value: json.dumps(value).encode()))
def test_whatever_an_own_algorithm_publishes_brings_nothing_down(payload: bytes) -> None:
    findings = Findings({"cars": 2.0})
    for kind in (OutputKind.RESULT, OutputKind.COUNTS):
        findings.put(Output(kind, "cars", "gate", payload))
    findings.on(HEADER)


@given(JSON, JSON, JSON)
def test_whatever_stands_in_its_detections(box: Any, attributes: Any, data: Any) -> None:
    findings = Findings({"cars": 2.0})
    body = {"frame": {"pts": 1.0}, "detections": [{"box": box, "attributes": attributes}], "data": data}
    findings.put(Output(OutputKind.RESULT, "cars", "gate", json.dumps(body).encode()))
    findings.on(HEADER)


def drawn(pts_s: float, color: int = 9, job: str = "cars") -> Output:
    """What a chain draws itself for the result of that time; ``color`` 0: nothing."""
    on_black, on_white = blank_pictures(64, 48)
    if color:
        on_black[4:8, 4:8] = on_white[4:8, 4:8] = color
    decal = lift(on_black, on_white, PtsUs(round(pts_s * 1e6)))
    return Output(OutputKind.DECAL, job, "gate", pack_decal(decal))


def colors_on(findings: Findings, pts_s: float) -> list[int]:
    findings.on(at(pts_s))
    return [int(decal.pixels[0, 0, 0]) for decal in findings.decals_on(at(pts_s))]


def test_what_is_drawn_stays_until_something_newer_is_or_its_time_is_over() -> None:
    findings = Findings({"cars": 2.0, "people": 5.0})
    findings.put(drawn(1.0, 9))
    findings.put(drawn(1.0, 200, job="people"))
    findings.put(drawn(1.0, 100, job="faces"))
    assert colors_on(findings, 2.9) == [9, 200]
    assert colors_on(findings, 3.1) == [200]
    findings.put(drawn(3.0, 7))
    assert colors_on(findings, 3.1) == [7, 200]
    findings.put(drawn(3.2, 0))
    assert colors_on(findings, 3.3) == [200]
    assert colors_on(findings, 6.1) == []


@given(st.binary(max_size=40))
def test_a_decal_that_is_none_changes_nothing(payload: bytes) -> None:
    findings = Findings({"cars": 2.0})
    findings.put(drawn(1.0, 9))
    assert colors_on(findings, 1.0) == [9]
    findings.put(Output(OutputKind.DECAL, "cars", "gate", payload))
    assert colors_on(findings, 1.0) == [9]


def test_what_is_drawn_of_the_newest_results_can_be_waited_for() -> None:
    findings = Findings({"cars": 2.0, "people": 2.0})
    assert findings.wait_for_decals(HEADER, 0.0), "nothing was found"
    findings.put(result(1.0))
    findings.put(drawn(0.5))
    assert not findings.wait_for_decals(HEADER, 0.0)
    assert findings.wait_for_decals(at(3.5), 0.0), "it is not drawn any more"
    findings.put(result(1.0, job="people"))
    never = Output(OutputKind.DECAL, "people", "gate", pack_decal(nothing(NEVER_US)))
    timer = threading.Timer(0.05, lambda: [findings.put(each) for each in (drawn(1.0, 0), never)])
    timer.start()
    assert findings.wait_for_decals(HEADER, HANGS_S)
    timer.join()
    findings.put(result(1.5, job="people"))
    assert findings.wait_for_decals(at(1.5), 0.0), "that job never draws"
    findings.put(result(1.5))
    assert not findings.wait_for_decals(at(1.5), 0.0)
