from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.mqtt.topics import Topics

TOPICS = Topics("edged/v1", "gate-01")


def test_every_topic_is_the_contracts() -> None:
    assert TOPICS.state == "edged/v1/gate-01/state"
    assert TOPICS.info == "edged/v1/gate-01/info"
    assert TOPICS.health == "edged/v1/gate-01/health"
    assert TOPICS.source_status("gate") == "edged/v1/gate-01/source/gate/status"
    assert TOPICS.snapshot("gate") == "edged/v1/gate-01/source/gate/snapshot"
    assert TOPICS.job_status("people") == "edged/v1/gate-01/job/people/status"
    assert TOPICS.result("people", "gate") == "edged/v1/gate-01/job/people/gate/result"
    assert TOPICS.counts("people", "gate") == "edged/v1/gate-01/job/people/gate/counts"
    assert TOPICS.event("people", "gate") == "edged/v1/gate-01/job/people/gate/event"


@pytest.mark.parametrize("name", ["", "a/b", "a+", "#", "ü", "a b", "x" * 65, "a\n"])
def test_a_name_that_would_break_a_topic_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no name"):
        Topics("edged/v1", name)
    with pytest.raises(ValueError, match="no name"):
        TOPICS.result(name, "gate")
    with pytest.raises(ValueError, match="no name"):
        TOPICS.result("people", name)


def test_a_prefix_that_would_break_a_topic_is_refused() -> None:
    with pytest.raises(ValueError, match="edged/v1"):
        Topics("home/@edge", "gate-01")


@given(st.text(max_size=40))
def test_an_accepted_prefix_gives_topics_that_may_be_published_to(prefix: str) -> None:
    try:
        topics = Topics(prefix, "d")
    except ValueError:
        return
    assert not set("+#\0") & set(topics.state)
    assert all(topics.state.split("/"))
    assert len(topics.result("j" * 64, "s" * 64).encode()) < 65_536
