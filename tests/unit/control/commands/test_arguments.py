"""What commands take, and what is said of arguments that they do not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.control.commands.arguments import (
    Get,
    Nothing,
    Patch,
    Pause,
    Probe,
    Restart,
    Resume,
    Snapshot,
    Validate,
    read_arguments,
)
from edged.control.commands.request import CommandFailed
from edged.control.commands.table import TABLE
from edged.settings.fields import Section

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**6), 10**6)
    | st.floats(allow_nan=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)


def failed(model: type[Section], given_: dict[str, Any]) -> CommandFailed:
    with pytest.raises(CommandFailed) as caught:
        read_arguments(model, given_)
    return caught.value


@pytest.mark.parametrize(
    ("model", "given_", "code", "words"),
    [
        (Get, {}, "invalid", "what: is missing; give spec or schema or info or stats or logs"),
        (Get, {"what": "spce"}, "invalid", 'did you mean "spec"?'),
        (Get, {"what": ["spec"]}, "invalid", "what: should be spec or"),
        (Get, {"what": "spec", "lines": 3}, "invalid", "lines is for what: logs"),
        (Get, {"what": "logs", "lines": 201}, "invalid", "lines: should be less than or equal to 200"),
        (Nothing, {"x": 1}, "unknown_key", "x: is not known here; it takes no arguments but id"),
        (Snapshot, {"source": "gate", "qualty": 3}, "unknown_key", 'did you mean "quality"?'),
        (Snapshot, {"source": "a b"}, "invalid", "1 to 64 letters"),
        (Snapshot, {"source": "gate", "quality": True}, "invalid", "quality: should be a whole number"),
        (
            Snapshot,
            {"source": "gate", "quality": 101},
            "invalid",
            "quality: should be less than or equal to 100",
        ),
        (Snapshot, {"source": "gate", "max_width": 15}, "invalid", "max_width"),
        (Validate, {"spec": []}, "invalid", "spec: should be an object"),
        (Patch, {}, "invalid", "needs exactly one of spec or ops"),
        (Patch, {"spec": {}, "ops": []}, "invalid", "not spec and ops"),
        (Patch, {"spec": {}, "expect_local": -1}, "invalid", "expect_local"),
        (Probe, {"url": "x", "timeout": 61}, "invalid", "timeout: should be less than or equal to 60"),
        (Probe, {"url": ""}, "invalid", "url: is empty"),
        (Pause, {"source": "a", "job": "b"}, "invalid", "exactly one of source or job"),
        (Pause, {"source": "a", "paused": "OFF"}, "invalid", "paused: should be true or false"),
        (Resume, {"source": "a", "paused": True}, "unknown_key", "paused"),
        (Restart, {}, "invalid", "exactly one of source, job, worker or daemon"),
        (Restart, {"daemon": False}, "invalid", "daemon should be true"),
        (Restart, {"daemon": 1}, "invalid", "daemon: should be true or false"),
    ],
)
def test_what_is_wrong(model: type[Section], given_: dict[str, Any], code: str, words: str) -> None:
    error = failed(model, given_)
    assert error.code == code
    assert words in str(error)


def test_all_problems_at_once() -> None:
    error = failed(Snapshot, {"qualty": 1, "max_width": "wide"})
    assert [(each["path"], each["code"]) for each in error.data["errors"]] == [
        ("source", "invalid"),
        ("max_width", "invalid"),
        ("qualty", "unknown_key"),
    ]
    assert all(each["message"] in str(error) for each in error.data["errors"])


def test_no_value_is_shown() -> None:
    error = failed(Probe, {"url": "rtsp://admin:hunter2@cam\n", "timeout": "hunter2"})
    assert "hunter2" not in repr((str(error), error.data))


def test_what_is_left_out_has_its_default_and_null_is_left_out() -> None:
    assert read_arguments(Snapshot, {"source": "gate", "job": None}).quality == 80
    assert read_arguments(Pause, {"job": "people", "source": None}).paused is True


def test_thousands_of_keys_are_one_problem() -> None:
    error = failed(Get, {f"key{number}": 1 for number in range(50_000)})
    assert len(str(error)) < 200


@given(st.sampled_from(sorted(TABLE)), st.dictionaries(st.text(max_size=12), JSON, max_size=6))
def test_anything_is_taken_or_refused_with_a_reason(op: str, given_: dict[str, Any]) -> None:
    try:
        read_arguments(TABLE[op].arguments, given_)
    except CommandFailed as error:
        assert error.code in ("invalid", "unknown_key")
        assert str(error)
