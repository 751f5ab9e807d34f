"""A spec from the network: its plan, or all that is wrong with it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edged.control.admission import read_and_plan
from edged.errors import ERROR_CODES, SpecRejected
from edged.settings import Loaded, parse_settings

FOLDER = Path("/etc/edged")


def file() -> Loaded:
    secrets = {"cam": {"env": "EDGED_TEST_UNSET", "hosts": ["10.0.0.0/8"]}}
    text = json.dumps({"device": "box", "media": ["/srv/media"], "secrets": secrets})
    return parse_settings(text, file="f.yaml", folder=FOLDER)


def test_what_is_right_comes_with_its_plan() -> None:
    spec = {"sources": {"a": {"url": "/dev/video0"}}, "jobs": {"j": {"algorithm": "motion"}}}
    loaded, plan = read_and_plan(spec, file(), FOLDER)
    assert loaded.references.from_network
    assert (set(plan.captures), set(plan.jobs)) == ({"a"}, {"j"})


def test_what_only_the_plan_finds_is_in_the_plan() -> None:
    spec = {"sources": {"a": {"url": "ftp://h/x"}, "b": {"url": "/etc/passwd"}}}
    _, plan = read_and_plan(spec, file(), FOLDER)
    assert {name: failure.code for name, failure in plan.failed_sources.items()} == {
        "a": "source_failed",
        "b": "not_allowed",
    }


def test_what_the_plan_finds_is_told_beside_what_reading_found() -> None:
    spec = {
        "sources": {
            "typo": {"url": "rtsp://h/", "fsp": 1},
            "scheme": {"url": "rtps://h/"},
            "pattern": {"url": "pattern://testsrc2?sise=64x64"},
            "media": {"url": "/etc/passwd"},
            "host": {"url": "rtsp://u:${secret:cam}@evil.example/"},
            "unset": {"url": "rtsp://u:${secret:cam}@10.0.0.5/"},
        },
        "jobs": {
            "fine": {"algorithm": "motion", "sources": ["typo"]},
            "lost": {"algorithm": "motion", "sources": ["nothing"]},
            "host": {"algorithm": "x", "params": {"deep": [{"token": "${secret:cam}"}]}},
        },
    }
    with pytest.raises(SpecRejected) as caught:
        read_and_plan(spec, file(), FOLDER)
    codes = {problem.path: problem.code for problem in caught.value.problems}
    assert codes == {
        "spec.sources.typo.fsp": "unknown_key",
        "spec.jobs.lost.sources.0": "not_found",
        "spec.sources.scheme.url": "source_failed",
        "spec.sources.pattern.url": "source_failed",
        "spec.sources.media.url": "not_allowed",
        "spec.sources.host.url": "secret_not_allowed",
        "spec.sources.unset.url": "not_found",
        "spec.jobs.host.params.deep.0.token": "secret_not_allowed",
    }
    assert set(codes.values()) <= set(ERROR_CODES)


def test_so_it_is_for_outputs() -> None:
    spec = {
        "sources": {"a": {"url": "/dev/video0"}, "typo": {"url": "rtsp://h/", "fsp": 1}},
        "outputs": {
            "fine": {"source": "a"},
            "of_typo": {"source": "typo"},
            "lost": {"source": "nobody"},
            "host": {"source": "a", "to": "rtmp://u:${secret:cam}@evil.example/x", "draw": ["nothing"]},
        },
    }
    with pytest.raises(SpecRejected) as caught:
        read_and_plan(spec, file(), FOLDER)
    assert {problem.path: problem.code for problem in caught.value.problems} == {
        "spec.sources.typo.fsp": "unknown_key",
        "spec.outputs.lost.source": "not_found",
        "spec.outputs.host.draw.0": "not_found",
    }
    del spec["outputs"]["host"]["draw"]
    with pytest.raises(SpecRejected) as caught:
        read_and_plan(spec, file(), FOLDER)
    codes = {problem.path: problem.code for problem in caught.value.problems}
    assert codes["spec.outputs.host.to"] == "secret_not_allowed"
    assert "spec.outputs.of_typo.source" not in codes


@pytest.mark.parametrize("spec", [None, [], {"sources": []}, {"jobs": {"a.b": {}}}, {"x": 1}])
def test_what_is_no_spec_at_all_is_told_as_reading_tells_it(spec: object) -> None:
    with pytest.raises(SpecRejected) as caught:
        read_and_plan(spec, file(), FOLDER)  # type: ignore[arg-type]
    assert caught.value.problems
