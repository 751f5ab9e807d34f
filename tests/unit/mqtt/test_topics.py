from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.mqtt.subscription import Replay
from edged.mqtt.topics import CommandTopic, DesiredTopic, Topics, is_publishable

TOPICS = Topics("edged/v1", "gate-01", ("site-a", "entrances"))


def test_every_topic_is_the_contracts() -> None:
    assert TOPICS.state == "edged/v1/gate-01/state"
    assert TOPICS.info == "edged/v1/gate-01/info"
    assert TOPICS.health == "edged/v1/gate-01/health"
    assert TOPICS.desired == "edged/v1/gate-01/desired"
    assert TOPICS.reported == "edged/v1/gate-01/reported"
    assert TOPICS.answer("ping") == "edged/v1/gate-01/res/ping"
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
        Topics("edged/v1", "gate-01", ("site-a", name))
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


def test_it_listens_to_its_desired_its_commands_and_those_for_its_groups() -> None:
    assert {subscription.topic: subscription.replay for subscription in TOPICS.subscriptions} == {
        "edged/v1/gate-01/desired": Replay.ALWAYS,
        "edged/v1/gate-01/cmd/+": Replay.NEW_ONLY,
        "edged/v1/@all/cmd/+": Replay.NEW_ONLY,
        "edged/v1/@site-a/cmd/+": Replay.NEW_ONLY,
        "edged/v1/@entrances/cmd/+": Replay.NEW_ONLY,
    }
    assert len(Topics("p", "d", ("all", "x", "x")).subscriptions) == 4


@pytest.mark.parametrize(
    ("topic", "meant"),
    [
        ("edged/v1/gate-01/desired", DesiredTopic()),
        ("edged/v1/gate-01/cmd/ping", CommandTopic("ping")),
        ("edged/v1/gate-01/cmd/no_such_op", CommandTopic("no_such_op")),
        ("edged/v1/@all/cmd/ping", CommandTopic("ping", "all")),
        ("edged/v1/@site-a/cmd/ping", CommandTopic("ping", "site-a")),
        ("edged/v1/@site-b/cmd/ping", None),
        ("edged/v1/gate-02/cmd/ping", None),
        ("edged/v1/gate-02/desired", None),
        ("edged/v1/@all/desired", None),
        ("edged/v1/site-a/cmd/ping", None),
        ("edged/v1/@gate-01/cmd/ping", None),
        ("edged/v1/@@all/cmd/ping", None),
        ("edged/v1/@/cmd/ping", None),
        ("edged/v1/gate-01/cmd/Ping", None),
        ("edged/v1/gate-01/cmd/ping\n", None),
        ("edged/v1/gate-01/cmd/", None),
        ("edged/v1/gate-01/cmd", None),
        ("edged/v1/gate-01/cmd/ping/x", None),
        ("edged/v1/gate-01/cmd/" + "a" * 33, None),
        ("edged/v1/gate-01/res/ping", None),
        ("gate-01/cmd/ping", None),
        ("x/edged/v1/gate-01/cmd/ping", None),
        ("", None),
    ],
)
def test_what_comes_on_a_topic(topic: str, meant: DesiredTopic | CommandTopic | None) -> None:
    assert TOPICS.parse_inbound(topic) == meant


@given(
    st.text(max_size=60)
    | st.lists(st.sampled_from(["gate-01", "@all", "cmd", "ping", "desired", "", "@", "x"]), max_size=4).map(
        lambda levels: "/".join(["edged/v1", *levels])
    )
)
def test_any_topic_means_something_or_nothing(topic: str) -> None:
    match TOPICS.parse_inbound(topic):
        case DesiredTopic():
            assert topic == TOPICS.desired
        case CommandTopic(op=op, group=group):
            assert topic == (f"edged/v1/@{group}/cmd/{op}" if group else f"{TOPICS.root}/cmd/{op}")


@pytest.mark.parametrize(
    "topic",
    ["me/answers", "edged/v1/gate-01/res/ping", "edged/v1/gate-01/res/ping/4711",
     "edged/v1/console/answers/7", "edged/v1/lobby", "a/" + "b" * 510, "ä/ö", "job/x/status"],
)  # fmt: skip
def test_an_answer_may_go_where_only_its_asker_listens(topic: str) -> None:
    assert TOPICS.is_safe_response_topic(topic)


@pytest.mark.parametrize(
    "topic",
    ["", "a/+", "#", "a/#", "$SYS/x", "$share/g/t", "a\0b", "a\nb", "a\x85", "a\uffff", "a\ud800",
     "a/" + "b" * 511, "ä" * 257, "edged/v1/gate-01/cmd/x", "edged/v1/gate-02/cmd/x", "edged/v1/@all/cmd/x",
     "edged/v1//cmd/ping", "edged/v1/gate-01/cmd", "edged/v1/gate-01/desired", "edged/v1/gate-02/desired",
     "edged/v1/gate-01/state", "edged/v1/gate-02/info", "edged/v1/gate-02/reported", "edged/v1/x/health",
     "edged/v1/gate-02/source/a/status", "edged/v1/gate-02/job/a/status", "edged/v1/gate-02/job/a/b/counts",
     "edged/v1/gate-02/job/a/b/event", "edged/v1/gate-02/res/ping", "edged/v1/@all/res/ping"],
)  # fmt: skip
def test_nobody_acts_or_speaks_in_anothers_name_by_asking_for_an_answer(topic: str) -> None:
    assert not TOPICS.is_safe_response_topic(topic)


@given(st.text(max_size=80))
def test_a_safe_response_topic_can_be_published_to(topic: str) -> None:
    if TOPICS.is_safe_response_topic(topic):
        assert is_publishable(topic)


def test_an_op_that_would_break_a_topic_is_refused() -> None:
    for op in ("", "a/b", "Ping", "a" * 33, "ping\n"):
        with pytest.raises(ValueError, match="no op"):
            TOPICS.answer(op)
