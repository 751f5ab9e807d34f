"""From the outputs of a spec to what the processes that make them are told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edged.errors import SpecRejected
from edged.planning.plan import Plan, make_plan
from edged.settings import parse_settings
from edged.settings.network import read_spec

SECRETS = {"key": {"env": "EDGED_TEST_KEY", "hosts": ["live.example"]}}
SOURCES = {"gate": {"url": "pattern://testsrc2"}, "yard": {"url": "pattern://testsrc2"}}
JOBS = {
    "people": {"algorithm": "motion", "sources": ["gate"], "sampling": {"interval": 3}},
    "cars": {"algorithm": "motion", "publish": {"when": "change"}},
    "away": {"algorithm": "motion", "sources": ["yard"]},
    "off": {"algorithm": "motion", "enabled": False},
}


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGED_TEST_KEY", "hunter2")


def text(outputs: dict[str, Any], **settings: Any) -> str:
    spec = {"sources": SOURCES, "jobs": JOBS, "outputs": outputs}
    return json.dumps({"device": "box", "secrets": SECRETS, "spec": spec} | settings)


def plan(outputs: dict[str, Any], **settings: Any) -> Plan:
    loaded = parse_settings(text(outputs, **settings), file="f.yaml", folder=Path("/folder"))
    return make_plan(loaded, Path("/folder"))


def problems(outputs: dict[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(SpecRejected) as caught:
        plan(outputs)
    return [(each.path, each.message) for each in caught.value.problems]


def test_all_jobs_of_its_source_are_drawn_each_as_long_as_it_means_something() -> None:
    output = plan({"gate": {"source": "gate"}}).live.outputs["gate"]
    assert output.hold_s == {"people": 6.0, "cars": 2.0}
    assert output.draw == ("people", "cars")


def test_only_those_that_are_named_or_none() -> None:
    made = plan(
        {"some": {"source": "gate", "draw": ["cars", "away"]}, "plain": {"source": "gate", "draw": []}}
    )
    assert made.live.outputs["some"].draw == ("cars",)
    assert made.live.outputs["plain"].draw == ()


def test_a_push_has_its_secret_and_shows_it_to_nobody() -> None:
    made = plan({"up": {"source": "gate", "to": "rtmp://live.example/app/${secret:key}"}})
    output = made.live.outputs["up"]
    assert (output.to, output.url) == ("push", "rtmp://live.example/app/hunter2")
    assert output.redacted_url == "rtmp://live.example/app/${secret:key}"
    assert "hunter2" not in repr(made)


def test_a_secret_goes_toward_its_hosts_only() -> None:
    made = plan(
        {"up": {"source": "gate", "to": "rtmp://other.example/app/${secret:key}"}, "ok": {"source": "gate"}}
    )
    (problem,) = made.failed_outputs["up"].problems
    assert (problem.path, problem.code) == ("spec.outputs.up.to", "secret_not_allowed")
    assert set(made.live.outputs) == {"ok"}, "one that is wrong leaves the others alone"


@pytest.mark.parametrize("url", ["rtmp:///app", "rtsp://host:99999/x", "rtsp://[::1/x", "srt://host:9000"])
def test_what_cannot_be_pushed_to_is_refused_at_once(url: str) -> None:
    made = plan({"up": {"source": "gate", "to": url}})
    assert made.failed_outputs["up"].problems[0].path == "spec.outputs.up.to"


def test_what_is_off_is_not_there() -> None:
    assert not plan({"gate": {"source": "gate", "enabled": False}}).live.outputs


def test_names_that_are_not_there_are_told_with_the_nearest() -> None:
    found = problems({"a": {"source": "gat"}, "b": {"source": "gate", "draw": ["peopel", "nothing-like-it"]}})
    assert [path for path, _ in found] == [
        "spec.outputs.a.source",
        "spec.outputs.b.draw.0",
        "spec.outputs.b.draw.1",
    ]
    assert "gate" in found[0][1]
    assert "people" in found[1][1]
    assert "there is no job of this name; there are people, cars, away, off" in found[2][1]


def test_a_spec_from_the_network_goes_by_the_same_rules() -> None:
    file = parse_settings(text({}), file="f.yaml", folder=Path("/folder"))
    outputs = {"up": {"source": "gate", "to": "rtsp://live.example/${env:EDGED_TEST_KEY}"}}
    with pytest.raises(SpecRejected) as caught:
        loaded = read_spec({"sources": SOURCES, "outputs": outputs}, file)
        raise SpecRejected(make_plan(loaded, Path("/folder")).failed_outputs["up"].problems)
    (problem,) = caught.value.problems
    assert (problem.path, problem.code) == ("spec.outputs.up.to", "not_allowed")


def test_how_they_are_served_is_the_devices_own_matter() -> None:
    live = plan({}, live={"password": "hunter2", "rtsp_port": 0}).live
    assert (live.host, live.username, live.password) == ("0.0.0.0", "viewer", "hunter2")
    assert plan({}).live.host == "127.0.0.1"
