from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.control.announced import (
    MAX_NAMES,
    Announced,
    announced_bytes,
    counted_by,
    counted_in,
    read_announced,
)
from edged.control.discovery import Counted, Facts, device_payload, discovery_topic
from edged.mqtt.topics import Topics
from edged.settings.spec import Spec
from tests.homeassistant import check, pressed, rendered

TOPICS = Topics("edged/v1", "gate-01")
NAMES = st.from_regex(r"[A-Za-z0-9_-]{1,8}", fullmatch=True)
LABELS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12).filter(
    lambda text: "${" not in text  # a reference is no label
)


def announced(**more: Any) -> dict[str, Any]:
    facts = Facts(
        TOPICS,
        "1.2.3",
        "Raspberry Pi 5",
        ("gate",),
        {"people": {"gate": Counted(("person",), ("door",), ("entry",))}},
        **more,
    )
    return check(discovery_topic(TOPICS), device_payload(facts))


def component(key: str) -> dict[str, Any]:
    found: dict[str, Any] = announced()["components"][key]
    return found


def test_one_device_with_its_sources_and_jobs() -> None:
    content = announced()
    assert content["device"] == {
        "identifiers": ["edged.v1.gate-01"],
        "name": "gate-01",
        "manufacturer": "edged",
        "model": "Raspberry Pi 5",
        "sw_version": "1.2.3",
    }
    assert {key: each["platform"] for key, each in content["components"].items()} == {
        "source.gate.connectivity": "binary_sensor",
        "source.gate.enabled": "switch",
        "source.gate.snapshot": "image",
        "source.gate.take_snapshot": "button",
        "job.people.enabled": "switch",
        "job.people.gate.presence": "binary_sensor",
        "job.people.gate.total": "sensor",
        "job.people.gate.label.person": "sensor",
        "job.people.gate.zone.door": "sensor",
        "job.people.gate.line.entry.in": "sensor",
        "job.people.gate.line.entry.out": "sensor",
    }
    assert content["components"]["source.gate.enabled"]["unique_id"] == "edged.v1.gate-01.source.gate.enabled"


@pytest.mark.parametrize(
    ("state", "available"), [("online", "online"), ("stopping", "offline"), ("offline", "offline")]
)
def test_the_device_is_there_while_it_is_online(state: str, available: str) -> None:
    (availability,) = announced()["availability"]
    assert availability["topic"] == TOPICS.state
    assert rendered(availability["value_template"], json.dumps({"state": state}).encode()) == available


@pytest.mark.parametrize(("state", "shown"), [("running", "ON"), ("retrying", "OFF"), ("paused", "OFF")])
def test_a_source_is_connected_while_it_runs(state: str, shown: str) -> None:
    sensor = component("source.gate.connectivity")
    assert sensor["state_topic"] == TOPICS.source_status("gate")
    assert rendered(sensor["value_template"], json.dumps({"state": state}).encode()) == shown


@pytest.mark.parametrize("key", ["source.gate.enabled", "job.people.enabled"])
@pytest.mark.parametrize(
    ("state", "shown"), [("running", "state_on"), ("failed", "state_on"), ("paused", "state_off")]
)
def test_a_switch_shows_what_it_switches(key: str, state: str, shown: str) -> None:
    switch = component(key)
    assert rendered(switch["value_template"], json.dumps({"state": state}).encode()) == switch[shown]


def test_a_switch_has_one_topic_for_both_ways() -> None:
    job, source = component("job.people.enabled"), component("source.gate.enabled")
    assert pressed(job, "payload_off") == ("edged/v1/gate-01/cmd/pause", b'{"job":"people","paused":true}')
    assert pressed(job, "payload_on") == ("edged/v1/gate-01/cmd/pause", b'{"job":"people","paused":false}')
    assert pressed(source, "payload_off") == (
        "edged/v1/gate-01/cmd/pause",
        b'{"source":"gate","paused":true}',
    )


def test_a_button_takes_the_picture_that_the_image_shows() -> None:
    assert pressed(component("source.gate.take_snapshot")) == (
        "edged/v1/gate-01/cmd/snapshot",
        b'{"source":"gate"}',
    )
    image = component("source.gate.snapshot")
    assert (image["image_topic"], image["content_type"]) == (TOPICS.snapshot("gate"), "image/jpeg")


def test_counts_are_read_from_counts() -> None:
    counts = b'{"total":3,"labels":{"person":2},"zones":{"door":1},"lines":{"entry":{"in":12,"out":4}}}'
    empty = b'{"total":0,"labels":{},"time":"2026-11-20T09:00:00.123Z"}'
    shown = {
        "presence": ("ON", "OFF"),
        "total": ("3", "0"),
        "label.person": ("2", "0"),
        "zone.door": ("1", "0"),
        "line.entry.in": ("12", "0"),
        "line.entry.out": ("4", "0"),
    }
    for key, (many, none) in shown.items():
        sensor = component(f"job.people.gate.{key}")
        assert sensor["state_topic"] == TOPICS.counts("people", "gate")
        assert (rendered(sensor["value_template"], counts), rendered(sensor["value_template"], empty)) == (
            many,
            none,
        )


@given(LABELS)
def test_any_label_can_be_counted(label: str) -> None:
    facts = Facts(TOPICS, "1", jobs={"j": {"s": Counted((label,))}})
    components = check(discovery_topic(TOPICS), device_payload(facts))["components"]
    (key,) = [key for key in components if ".label." in key]
    payload = json.dumps({"total": 7, "labels": {label: 7}}).encode()
    assert rendered(components[key]["value_template"], payload) == "7"


@given(
    st.lists(NAMES, max_size=3, unique=True),
    st.dictionaries(
        NAMES,
        st.dictionaries(
            NAMES, st.builds(Counted, st.tuples(LABELS), st.tuples(LABELS), st.tuples(LABELS)), max_size=3
        ),
    ),
)
def test_no_two_entities_are_the_same(sources: list[str], jobs: dict[str, dict[str, Counted]]) -> None:
    content = check(discovery_topic(TOPICS), device_payload(Facts(TOPICS, "1", "", tuple(sources), jobs)))
    assert len(content["components"]) == 4 * len(sources) + sum(1 + 6 * len(each) for each in jobs.values())


def test_what_is_gone_is_sent_with_its_platform_alone() -> None:
    facts = Facts(TOPICS, "1", sources=("gate",))
    payload = device_payload(facts, {"source.old.enabled": "switch", "source.gate.enabled": "switch"})
    components = check(discovery_topic(TOPICS), payload)["components"]
    assert components["source.old.enabled"] == {"platform": "switch"}
    assert "command_topic" in components["source.gate.enabled"]  # it is there again


@pytest.mark.parametrize("prefix", ["edged/v1", "a b", "größe/π", "x.y/~"])
def test_every_prefix_makes_a_topic_that_home_assistant_takes(prefix: str) -> None:
    topics = Topics(prefix, "gate-01")
    check(discovery_topic(topics), device_payload(Facts(topics, "1", sources=("gate",))))


# ---- what is counted, and what is remembered ----


def test_labels_come_from_the_spec_and_from_what_was_seen() -> None:
    spec = Spec.model_validate(
        {
            "sources": {
                "gate": {
                    "url": "a.mp4",
                    "zones": {"door": [[0, 0], [1, 0], [1, 1]]},
                    "lines": {"entry": [[0, 0], [1, 1]]},
                },
                "yard": {"url": "b.mp4", "zones": {"shed": [[0, 0], [1, 0], [1, 1]]}},
            },
            "jobs": {
                "people": {
                    "algorithm": "detector",
                    "params": {"labels": ["person", "${secret:x}", 3]},
                    "then": [{"algorithm": "zones"}],
                },
                "moving": {"algorithm": "motion", "sources": ["yard"]},
            },
        }
    )
    seen = {"people": {"gate": Counted(("car", "person"))}, "gone": {"gate": Counted(("x",))}}
    assert counted_by(spec, seen) == {
        "people": {
            "gate": Counted(("person", "car"), ("door",), ("entry",)),
            "yard": Counted(("person",), ("shed",)),
        },
        "moving": {"yard": Counted()},
    }


def test_endless_new_labels_make_an_end() -> None:
    labels = {f"AB {number}": 1 for number in range(10 * MAX_NAMES)}
    assert len(counted_in(json.dumps({"total": 1, "labels": labels}).encode()).labels) == MAX_NAMES


def test_counts_name_what_they_count() -> None:
    counts = b'{"total":1,"labels":{"person":1},"zones":{"door":0},"lines":{"entry":{"in":0,"out":0}}}'
    assert counted_in(counts) == Counted(("person",), ("door",), ("entry",))


@given(
    st.one_of(
        st.binary(), st.builds(json.dumps, st.recursive(st.none() | st.text(), st.lists)).map(str.encode)
    )
)
def test_what_cannot_be_read_is_nothing(content: bytes) -> None:
    assert counted_in(content) == Counted()
    assert read_announced(content) == Announced()


@given(
    st.builds(
        Announced,
        st.text(),
        st.dictionaries(LABELS, st.sampled_from(["switch", "sensor"])),
        st.dictionaries(
            NAMES,
            st.dictionaries(
                NAMES, st.builds(Counted, st.tuples(LABELS), st.tuples(LABELS), st.tuples(LABELS))
            ),
        ),
    )
)
def test_what_was_announced_is_remembered(content: Announced) -> None:
    assert read_announced(announced_bytes(content)) == content
