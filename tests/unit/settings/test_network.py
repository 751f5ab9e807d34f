"""A spec from the network: what it may say, what only the device's own file may, and all that is wrong."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edged.errors import SpecRejected
from edged.model.patching import apply_ops, merge
from edged.settings import Loaded, cross_checks, did_you_mean, parse_settings
from edged.settings.document import MOST_PROBLEMS
from edged.settings.network import read_spec

OWN = {
    "sources": {
        "gate": {"url": "rtsp://admin:${env:CAM}@10.0.0.5/s"},
        "yard": {"url": "rtsp://10.0.0.6/s"},
    },
    "jobs": {
        "people": {"algorithm": "motion"},
        "post": {
            "algorithm": "post",
            "params": {
                "url": "https://good.example",
                "header": "Bearer ${env:TOKEN}",
                "every": 3,
                "tls": True,
            },
            "then": [{"algorithm": "log", "params": {"folder": "${file:/etc/edged/folder}"}}],
        },
    },
    "outputs": {"up": {"source": "gate", "to": "rtmp://live.example/app/${env:KEY}"}},
}
SECRETS = {"cam": {"env": "CAM", "hosts": ["10.0.0.0/8"]}}
Spec = dict[str, Any]


def file(own: Any = OWN) -> Loaded:
    text = json.dumps({"device": "box", "secrets": SECRETS, "spec": own})
    return parse_settings(text, file="edged.yaml", folder=Path("/etc/edged"))


FILE = file()


def own() -> Spec:
    return copy.deepcopy(OWN)


def problems(spec: Any) -> dict[str, str]:
    """Codes by path."""
    with pytest.raises(SpecRejected) as caught:
        read_spec(spec, FILE)
    for problem in caught.value.problems:
        assert (problem.file, problem.line, problem.column) == ("", 0, 0)
        assert problem.path.split(".")[0] == "spec"
        assert str(problem) == f"{problem.path}: {problem.message}"
    return {problem.path: problem.code for problem in caught.value.problems}


def test_a_spec_takes_the_place_of_the_files() -> None:
    spec = {"sources": {"a": {"url": "rtsp://u:${secret:cam}@10.0.0.9/"}}, "jobs": {"j": {"algorithm": "x"}}}
    loaded = read_spec(spec, FILE)
    assert loaded.settings.spec.sources["a"].url == "rtsp://u:${secret:cam}@10.0.0.9/"
    assert loaded.document.value["spec"] == spec
    assert loaded.settings.device == "box"
    assert loaded.references.from_network
    assert FILE.settings.spec.sources.keys() == {"gate", "yard"}
    problem = loaded.problem("spec.sources.a.url", "is away")
    assert (problem.file, problem.line) == ("", 0)


def test_every_problem_is_told_at_once() -> None:
    spec = {
        "sources": {"a": {"url": "x", "fsp": 3}, "b": {"url": "rtsp://u:***@h/"}, "c": {"url": "${env:X}"}},
        "jobs": {
            "j": {"algorithm": "m", "sources": ["d", "a"], "sampling": {"interval": -1}},
            "k": {"params": {"a": "${secret:kam}", "b": "${file:/etc/shadow}", "c": "${oops", "e": "***"}},
        },
        "job": {},
    }
    assert problems(spec) == {
        "spec.sources.a.fsp": "unknown_key",
        "spec.sources.b.url": "invalid",
        "spec.sources.c.url": "not_allowed",
        "spec.jobs.j.sources.0": "not_found",
        "spec.jobs.j.sampling.interval": "invalid",
        "spec.jobs.k.algorithm": "invalid",
        "spec.jobs.k.params.a": "not_found",
        "spec.jobs.k.params.b": "not_allowed",
        "spec.jobs.k.params.c": "invalid",
        "spec.jobs.k.params.e": "invalid",
        "spec.job": "unknown_key",
    }


def test_each_problem_says_the_mend() -> None:
    with pytest.raises(SpecRejected) as caught:
        read_spec({"jobs": {"j": {"algorithm": "${env:A}", "smapling": {}, "params": {"a": "***"}}}}, FILE)
    said = {problem.path: problem.message for problem in caught.value.problems}
    assert "${secret:NAME}" in said["spec.jobs.j.algorithm"]
    assert 'did you mean "sampling"?' in said["spec.jobs.j.smapling"]
    assert "get spec" in said["spec.jobs.j.params.a"]


@pytest.mark.parametrize("spec", [None, [], "x", 5, True])
def test_what_is_no_mapping_is_no_spec(spec: Any) -> None:
    assert problems(spec) == {"spec": "invalid"}


def test_what_is_too_large_or_too_deep_is_refused_before_it_is_looked_at() -> None:
    deep: Any = 1
    for _ in range(10_000):
        deep = {"a": deep}
    assert problems({"jobs": {"j": {"algorithm": "x", "params": deep}}}) == {"spec": "invalid"}
    assert problems({"jobs": {"j": {"algorithm": "x", "params": {"a": "x" * 300_000}}}}) == {
        "spec": "invalid"
    }


MISTAKES: dict[str, Spec] = {
    "sources that there are not": {
        "sources": {f"{n:04}{'a' * 60}": {"url": "x"} for n in range(1000)},
        "jobs": {"j": {"algorithm": "motion", "sources": [f"{n:04}{'a' * 60}" for n in range(1000, 2000)]}},
    },
    "the same source": {
        "sources": {"a": {"url": "x"}},
        "jobs": {"j": {"algorithm": "motion", "sources": ["a"] * 25_000}},
    },
    "no names": {"jobs": {"j": {"algorithm": "motion", "sources": [[]] * 30_000}}},
    "polygons": {"sources": {"a": {"url": "x", "zones": {f"z{n}": [[0]] for n in range(10_000)}}}},
    "unknown keys": {"sources": {"a": {f"k{n}": 0 for n in range(15_000)}}},
    "references": {"jobs": {"j": {"algorithm": "motion", "params": {"x": ["${env:X}${"] * 15_000}}}},
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_of_thousands_of_mistakes_some_are_told(mistake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each takes main's loop a while to word; to guess what was meant takes longest."""
    guesses: list[str] = []
    nearest = did_you_mean

    def count(name: str, candidates: Iterable[str]) -> str:
        guesses.append(name)
        return nearest(name, candidates)

    monkeypatch.setattr(cross_checks, "did_you_mean", count)
    assert 1 <= len(problems(MISTAKES[mistake])) <= 4 * MOST_PROBLEMS
    assert len(guesses) <= 3


@pytest.mark.parametrize("section", ["sources", "jobs", "outputs"])
def test_more_entries_than_any_device_has_are_not_looked_at(section: str) -> None:
    assert problems({section: {f"n{number}": {} for number in range(2000)}}) == {
        f"spec.{section}": "too_large"
    }


def test_only_the_devices_own_file_is_a_measure() -> None:
    with pytest.raises(ValueError, match="own file"):
        read_spec({}, read_spec({}, FILE))


@pytest.mark.parametrize(
    "patch",
    [
        {},
        {"jobs": {"people": {"enabled": False}}},
        {"sources": {"gate": {"enabled": False, "fps": 2, "transport": "udp"}}},
        {"jobs": {"post": {"sampling": {"interval": 5}, "sources": ["gate"], "worker": "own"}}},
        {"jobs": {"post": {"params": {"every": 9, "tls": False}}}},
        {"jobs": {"people": None}},
        {"outputs": {"up": {"enabled": False, "fps": 5}}},
    ],
)
def test_what_the_file_says_stays_allowed_when_something_else_is_patched(patch: Spec) -> None:
    references = read_spec(merge(OWN, patch), FILE).references
    assert references.trusts(OWN["sources"]["gate"]["url"], path="spec.sources.gate.url")
    assert references.trusts(OWN["outputs"]["up"]["to"], path="spec.outputs.up.to")
    header = OWN["jobs"]["post"]["params"]["header"]
    assert references.trusts(header, path="spec.jobs.post.params.header")
    assert not references.trusts(header, path="spec.jobs.people.params.header")


@pytest.mark.parametrize(
    ("ops", "path"),
    [
        # to another place
        ([{"op": "copy", "from": "/sources/gate", "path": "/sources/other"}], "spec.sources.other.url"),
        ([{"op": "move", "from": "/sources/gate", "path": "/sources/yard"}], "spec.sources.yard.url"),
        ([{"op": "copy", "from": "/jobs/post", "path": "/jobs/post2"}], "spec.jobs.post2.params.header"),
        (
            [{"op": "copy", "from": "/jobs/post/params/header", "path": "/sources/yard/url"}],
            "spec.sources.yard.url",
        ),
        (
            [
                {"op": "add", "path": "/jobs/people/params", "value": {}},
                {"op": "copy", "from": "/sources/gate/url", "path": "/jobs/people/params/x"},
            ],
            "spec.jobs.people.params.x",
        ),
        ([{"op": "copy", "from": "/outputs/up", "path": "/outputs/other"}], "spec.outputs.other.to"),
        (
            [{"op": "replace", "path": "/outputs/up/to", "value": "rtmp://evil.example/app/${env:KEY}"}],
            "spec.outputs.up.to",
        ),
        # in another link of the same job
        (
            [{"op": "add", "path": "/jobs/post/then/0", "value": {"algorithm": "log", "params": {}}}],
            "spec.jobs.post.then.1.params.folder",
        ),
        # another algorithm would get it
        (
            [{"op": "replace", "path": "/jobs/post/algorithm", "value": "spy"}],
            "spec.jobs.post.params.header",
        ),
        # the same algorithm would send it elsewhere
        (
            [{"op": "replace", "path": "/jobs/post/params/url", "value": "https://evil.example"}],
            "spec.jobs.post.params.header",
        ),
        (
            [{"op": "add", "path": "/jobs/post/params/proxy", "value": "evil.example"}],
            "spec.jobs.post.params.header",
        ),
        (
            [{"op": "remove", "path": "/jobs/post/params/url"}],
            "spec.jobs.post.params.header",
        ),
        # within other text
        (
            [{"op": "replace", "path": "/sources/gate/url", "value": "rtsp://admin:${env:CAM}@10.0.0.7/s"}],
            "spec.sources.gate.url",
        ),
        (
            [{"op": "replace", "path": "/sources/gate/url", "value": "rtsp://admin:${env:CAM}@10.0.0.5/S"}],
            "spec.sources.gate.url",
        ),
        ([{"op": "replace", "path": "/sources/yard/url", "value": "x${env:A}"}], "spec.sources.yard.url"),
        ([{"op": "replace", "path": "/sources/yard/url", "value": "${file:/x}"}], "spec.sources.yard.url"),
        (
            [{"op": "replace", "path": "/sources/yard/url", "value": "${credential:x}"}],
            "spec.sources.yard.url",
        ),
    ],
)  # fmt: skip
def test_no_patch_takes_what_the_file_refers_to_anywhere_else(ops: list[Any], path: str) -> None:
    assert problems(apply_ops(OWN, ops))[path] == "not_allowed"


def test_a_key_with_dots_is_no_way_around() -> None:
    text = "${env:TOKEN}"
    loaded = file({"jobs": {"j": {"algorithm": "x", "params": {"a.b": text}}}})
    spec = {"jobs": {"j": {"algorithm": "x", "params": {"a": {"b": text}}}}}
    with pytest.raises(SpecRejected) as caught:
        read_spec(spec, loaded)
    assert [problem.code for problem in caught.value.problems] == ["not_allowed"]


@pytest.mark.parametrize(
    "spec", [{"jobs": None}, {"sources": None}, {"jobs": {"j": {"algorithm": "x", "params": None}}}]
)
def test_null_is_as_good_as_nothing_there(spec: Spec) -> None:
    read_spec(spec, FILE)


@pytest.mark.parametrize("empty", [{}, None])
def test_a_file_without_a_spec_trusts_nothing(empty: Any) -> None:
    loaded = parse_settings(json.dumps({"device": "box", "spec": empty}), file="f", folder=Path("/etc"))
    assert not read_spec({"sources": {"a": {"url": "x"}}}, loaded).references.trust.texts


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["*", "x", "${env:A}", "${", "***", ""]),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(
        st.sampled_from(["sources", "jobs", "url", "params", "then", "algorithm", "gate", "a.b", "sampling"]),
        below, max_size=4,
    ),
    max_leaves=25,
)  # fmt: skip


@settings(max_examples=150)
@given(JSON)
def test_any_json_is_a_spec_or_rejected(spec: Any) -> None:
    try:
        loaded = read_spec(spec, FILE)
    except SpecRejected as rejected:
        assert all(problem.path.split(".")[0] == "spec" for problem in rejected.problems)
    else:
        assert "${env:A}" not in json.dumps(loaded.document.value["spec"])
