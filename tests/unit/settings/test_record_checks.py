"""What cannot be recorded, or must not be, is said with its place and the mend: in a file and over MQTT."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edged.errors import Problem, SpecRejected
from edged.settings import parse_settings
from edged.settings.network import read_spec

MASKS = {"wall": [[0, 0], [1, 0], [1, 1]]}
RECORD: dict[str, Any] = {"on": ["zone_enter"]}
CAMERA = {"url": "rtsp://127.0.0.1/a"}


def problems(spec: dict[str, Any]) -> list[Problem]:
    text = json.dumps({"device": "box", "spec": spec}, indent=1)
    try:
        parse_settings(text, file="edged.yaml", folder=Path("/etc"))
    except SpecRejected as rejected:
        found = list(rejected.problems)
    else:
        found = []
    own = parse_settings('{"device": "box"}', file="edged.yaml", folder=Path("/etc"))
    try:
        read_spec(spec, own)
    except SpecRejected as rejected:
        assert {(each.path, each.message) for each in found} == {
            (each.path, each.message) for each in rejected.problems
        }
    else:
        assert not found
    return found


@pytest.mark.parametrize(
    ("source", "mend"),
    [
        ({**CAMERA, "masks": MASKS}, "take the masks out"),
        ({"url": "pattern://testsrc2"}, "use a camera or a file"),
        ({"url": "/dev/video0"}, "input_format=h264"),
        ({"url": "v4l2:///dev/video0?input_format=yuyv422"}, "input_format=h264"),
    ],
)
def test_a_source_that_cannot_be_recorded_is_refused(source: dict[str, Any], mend: str) -> None:
    found = problems({"sources": {"gate": {**source, "record": {}, "buffer": 5}}})
    assert {each.path for each in found} == {"spec.sources.gate.record", "spec.sources.gate.buffer"}
    assert all(mend in each.message and each.code == "not_allowed" and each.line > 1 for each in found)
    jobs = {"people": {"algorithm": "motion", "record": RECORD}}
    (problem,) = problems({"sources": {"gate": source, "yard": CAMERA}, "jobs": jobs})
    assert problem.path == "spec.jobs.people.record"
    assert "cannot be on gate: " in problem.message
    assert mend in problem.message


@pytest.mark.parametrize(
    "spec",
    [
        {"sources": {"gate": {**CAMERA, "masks": MASKS}}, "jobs": {"people": {"algorithm": "motion"}}},
        {"sources": {"gate": {**CAMERA, "masks": {}, "record": {}, "buffer": 5}}},
        {"sources": {"gate": {"url": "pattern://testsrc2", "buffer": 0}}},
        {"sources": {"gate": {"url": "v4l2:///dev/video0?input_format=h264", "record": {}}}},
        {"sources": {"gate": {"url": "film.mp4", "record": {}}}},
        {
            "sources": {"gate": {**CAMERA, "masks": MASKS}, "yard": CAMERA},
            "jobs": {"people": {"algorithm": "motion", "sources": ["yard"], "record": RECORD}},
        },
    ],
)
def test_all_others_may_be(spec: dict[str, Any]) -> None:
    assert problems(spec) == []


@pytest.mark.parametrize("odd", [None, 5, [], "x", {"url": 5, "masks": "x", "record": [], "buffer": {}}])
def test_any_shape_is_looked_at(odd: Any) -> None:
    spec = {"sources": {"gate": odd}, "jobs": {"people": odd, "j": {"record": odd, "sources": odd}}}
    assert all(each.code in ("invalid", "unknown_key", "not_allowed") for each in problems(spec))
