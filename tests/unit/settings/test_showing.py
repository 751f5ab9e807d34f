"""A spec as `get spec` shows it."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.errors import SpecRejected
from edged.settings import parse_settings
from edged.settings.network import read_spec
from edged.settings.showing import shown

SAFE = {
    "sources": {
        "gate": {
            "url": "rtsp://admin:${secret:cam}@10.0.0.5/s?token=${secret:cam}",
            "zones": {"key": [[0, 0], [1, 0], [1, 1]]},
        },
        "token": {"url": "pattern://testsrc2?size=64x64", "fps": 5},
    },
    "jobs": {
        "auth": {"algorithm": "motion", "sources": ["gate"], "enabled": True, "deadline": 3},
        "people": {
            "algorithm": "post",
            "params": {"password": "${secret:cam}", "score": 0.4, "labels": ["person"]},
            "then": [{"algorithm": "zones"}, {"algorithm": "x", "params": {"api_key": "${secret:cam}"}}],
        },
    },
    "outputs": {
        "private": {"source": "gate", "to": "rtsp://u:${secret:cam}@10.0.0.5/gate", "draw": ["auth"]},
        "key": {"source": "token", "to": "mjpeg", "size": [64, 64]},
    },
}


def test_references_and_all_that_is_no_secret_stay() -> None:
    assert shown(SAFE) == SAFE


def test_what_was_shown_may_be_desired_again() -> None:
    text = json.dumps({"device": "b", "secrets": {"cam": {"env": "CAM", "hosts": ["10.0.0.0/8"]}}})
    loaded = parse_settings(text, file="f", folder=Path("/etc"))
    assert read_spec(shown(SAFE), loaded).document.value["spec"] == SAFE


def test_literal_passwords_are_hidden_wherever_they_stand() -> None:
    spec = {
        "sources": {
            "a": {"url": "rtsp://user:hunter2@host/s"},
            "b": {"url": "http://host/x?user=u&password=hunter2"},
            "c": {"url": "srt://host:1?passphrase=hunter2hunter2"},
        },
        "jobs": {
            "j": {
                "algorithm": "x",
                "params": {
                    "password": "hunter2", "tokens": ["hunter2"], "auth": {"user": "hunter2", "n": [4711]},
                    "api_key": 4711, "hook": "https://u:hunter2@host/", "deep": [{"secret": "hunter2"}],
                },
                "then": [{"algorithm": "y", "params": {"pin": 4711}}],
            }
        },
        "outputs": {"o": {"source": "a", "to": "rtsp://u:hunter2@host/s"}},
    }  # fmt: skip
    before = copy.deepcopy(spec)
    text = json.dumps(shown(spec))
    assert "hunter2" not in text
    assert "4711" not in text
    assert spec == before
    sources = shown(spec)["sources"]
    assert sources["a"]["url"] == "rtsp://user:***@host/s"
    assert sources["b"]["url"] == "http://host/x?user=u&password=***"


def test_what_was_hidden_is_not_taken_back() -> None:
    loaded = parse_settings("device: b", file="f", folder=Path("/etc"))
    with pytest.raises(SpecRejected):
        read_spec(shown({"sources": {"a": {"url": "rtsp://user:hunter2@host/s"}}}), loaded)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda below: (
        st.lists(below, max_size=3)
        | st.dictionaries(
            st.sampled_from(["sources", "jobs", "then", "params", "url", "to", "password"]), below, max_size=3
        )
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(["sources", "jobs", "outputs", "x"]), JSON))
def test_any_shape_can_be_shown(spec: Any) -> None:
    json.dumps(shown(spec))
    assert shown(spec).keys() == spec.keys()


def test_a_url_that_stands_where_none_belongs_is_shown_without_its_password() -> None:
    job = {"algorithm": "rtsp://admin:hunter2@10.0.0.5/s", "then": [{"algorithm": "http://a:hunter2@h"}]}
    assert "hunter2" not in json.dumps(shown({"jobs": {"a": job}}))
