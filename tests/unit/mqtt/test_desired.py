from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.errors import EdgedError
from edged.model.canonical import digest
from edged.model.twin import Desired, Gate
from edged.mqtt.desired import MAX_REVISION, DesiredRejected, parse_desired

SPEC = {"sources": {"gate": {"url": "rtsp://10.0.0.5/1"}}, "jobs": {}}
DIGEST = digest(SPEC)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


def rejected(**changes: Any) -> DesiredRejected:
    with pytest.raises(DesiredRejected) as caught:
        parse_desired({"revision": 8, "spec": SPEC, **changes})
    return caught.value


def test_the_least_and_the_most() -> None:
    assert parse_desired({"revision": 1, "spec": {}}) == Desired(1, {}, digest({}), Gate(), keep_local=False)
    gate = {"require": ["jobs", "sources"], "stable_for": 5, "timeout": 90.5}
    full = {"revision": MAX_REVISION, "spec": SPEC, "digest": DIGEST, "gate": gate, "keep_local": True}
    wanted = Gate(("jobs", "sources"), 5.0, 90.5)
    assert parse_desired(full) == Desired(MAX_REVISION, SPEC, DIGEST, wanted, keep_local=True)


@pytest.mark.parametrize(
    ("changes", "path", "code"),
    [
        ({"revision": 0}, "revision", "invalid"),
        ({"revision": -1}, "revision", "invalid"),
        ({"revision": MAX_REVISION + 1}, "revision", "invalid"),
        ({"revision": True}, "revision", "invalid"),
        ({"revision": 8.0}, "revision", "invalid"),
        ({"revision": "8"}, "revision", "invalid"),
        ({"spec": None}, "spec", "invalid"),
        ({"spec": []}, "spec", "invalid"),
        ({"spec": {"n": float("nan")}}, "spec", "invalid"),
        ({"digest": "sha256:00"}, "digest", "invalid"),
        ({"digest": DIGEST.upper()}, "digest", "invalid"),
        ({"digest": None}, "digest", "invalid"),
        ({"gate": None}, "gate", "invalid"),
        ({"gate": {"requires": ["jobs"]}}, "gate.requires", "unknown_key"),
        ({"gate": {"require": []}}, "gate.require", "invalid"),
        ({"gate": {"require": "jobs"}}, "gate.require", "invalid"),
        ({"gate": {"require": [["jobs"]]}}, "gate.require", "invalid"),
        ({"gate": {"require": ["cameras"]}}, "gate.require", "invalid"),
        ({"gate": {"stable_for": -1}}, "gate.stable_for", "invalid"),
        ({"gate": {"stable_for": float("nan")}}, "gate.stable_for", "invalid"),
        ({"gate": {"stable_for": True}}, "gate.stable_for", "invalid"),
        ({"gate": {"timeout": 0}}, "gate.timeout", "invalid"),
        ({"gate": {"timeout": 10**400}}, "gate.timeout", "invalid"),
        ({"gate": {"timeout": "60"}}, "gate.timeout", "invalid"),
        ({"keep_local": 1}, "keep_local", "invalid"),
        ({"patch": {}}, "patch", "unknown_key"),
        ({"signature": "x"}, "signature", "not_allowed"),
        ({"key_id": None}, "key_id", "not_allowed"),
    ],
)
def test_what_is_refused_is_told_with_its_path(changes: dict[str, Any], path: str, code: str) -> None:
    problems = rejected(**changes).problems
    assert [(problem.path, problem.code) for problem in problems] == [(path, code)]


def test_all_that_is_wrong_is_told_at_once_and_the_revision_with_it() -> None:
    error = rejected(spec=3, keep_local=None, gate={"timeout": -1}, more=1)
    assert (error.revision, error.digest) == (8, "")
    assert {problem.path for problem in error.problems} == {"spec", "keep_local", "gate.timeout", "more"}
    assert rejected(keep_local=None).digest == DIGEST
    assert rejected(revision=None).revision is None


def test_of_very_many_unknown_keys_some_are_told() -> None:
    many = {f"k{number}": 0 for number in range(20_000)}
    assert 1 < len(rejected(**many, gate=many).problems) < 100


def test_what_is_missing_is_told_as_missing() -> None:
    with pytest.raises(DesiredRejected, match="is missing") as caught:
        parse_desired({})
    assert [problem.path for problem in caught.value.problems] == ["revision", "spec"]


def test_what_was_no_json_keeps_its_code() -> None:
    error = DesiredRejected.unreadable(EdgedError("more than 256 KiB", code="too_large"))
    assert [(problem.path, problem.code) for problem in error.problems] == [("", "too_large")]
    assert error.revision is None


keys = st.sampled_from(["revision", "spec", "digest", "gate", "keep_local", "key_id"]) | st.text(max_size=3)
gates = st.dictionaries(st.sampled_from(["require", "stable_for", "timeout"]) | st.text(max_size=3), anything)


@given(st.dictionaries(keys, anything | gates, max_size=6))
def test_anything_is_a_desired_or_is_rejected_with_a_reason(payload: dict[str, Any]) -> None:
    try:
        desired = parse_desired(payload)
    except DesiredRejected as error:
        assert error.problems
        return
    assert desired.digest == digest(payload["spec"])
