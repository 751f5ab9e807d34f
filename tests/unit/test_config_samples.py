"""The samples for other programs in config/: whole, and on topics and keys that there are."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from edged.control.commands.arguments import read_arguments
from edged.control.commands.table import TABLE
from edged.control.discovery import Counted, Facts, device_payload, discovery_topic
from edged.mqtt.subscription import Replay, Subscription
from edged.mqtt.topics import Topics
from tests.pages import blocks, documents, named_in
from tests.topics import is_known

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / "config"
PAGE = ROOT / "docs" / "mqtt.md"
NODES: list[dict[str, Any]] = json.loads((CONFIG / "node-red.json").read_text())
TELEGRAF = tomllib.loads((CONFIG / "telegraf.conf").read_text())
CONSUMERS: dict[str, dict[str, Any]] = {
    each["name_override"]: each for each in TELEGRAF["inputs"]["mqtt_consumer"]
}
GRAFANA = json.loads((CONFIG / "grafana.json").read_text())


def shown_on(pattern: str) -> dict[str, Any]:
    """The example that docs/mqtt.md has for topics like this; a test compares it with what a daemon sends."""
    topic = re.compile(
        r"edged/v1/gate-01" + pattern.removeprefix("edged/v1/+").replace("+", "[^/ ]+") + "(?= )"
    )
    for block in blocks(PAGE):
        typed = block.follows
        if block.language != "json" or typed is None:
            continue
        lines = [line for line in typed.text.splitlines() if line.startswith("mosquitto_sub")]
        for line, document in zip(lines, documents(block.text), strict=False):
            if topic.search(line):
                found: dict[str, Any] = document
                return found
    raise AssertionError(f"the page has no example on {pattern}")


def flattened(value: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """The fields that Telegraf makes of JSON."""
    for key, item in value.items():
        if isinstance(item, Mapping):
            yield from flattened(item, f"{path}{key}_")
        else:
            yield f"{path}{key}"


# ---- Node-RED ----


def test_the_flow_hangs_together() -> None:
    ids = [node["id"] for node in NODES]
    assert len(set(ids)) == len(ids)
    wired = [target for node in NODES for output in node.get("wires", ()) for target in output]
    assert set(wired) <= set(ids)
    assert all(node["broker"] in ids for node in NODES if "broker" in node and node["type"] != "mqtt-broker")
    tabs = {node["id"] for node in NODES if node["type"] == "tab"}
    assert all(node["z"] in tabs for node in NODES if node["type"] not in ("tab", "mqtt-broker"))
    starts = {node["id"] for node in NODES if node["type"] in ("mqtt in", "inject")}
    ends = {node["id"] for node in NODES if node["type"] in ("mqtt out", "debug", "file")}
    assert ends <= set(wired)
    assert all(node["wires"][0] for node in NODES if node["id"] in starts)


def test_the_flow_is_on_topics_that_there_are() -> None:
    topics = [node["topic"] for node in NODES if node.get("topic")]
    topics += [topic for node in NODES for topic in re.findall(r"`(edged/.*?)`", node.get("func", ""))]
    assert len(topics) == 6
    assert not [topic for topic in topics if not is_known(topic)]


def test_what_the_flow_orders_is_understood() -> None:
    orders = [node for node in NODES if node["type"] == "inject"]
    assert orders
    for node in orders:
        op = node["topic"].rpartition("/")[2]
        read_arguments(TABLE[op].arguments, json.loads(node["payload"]))
    assert all(node["retain"] == "false" for node in NODES if node["type"] == "mqtt out")


# ---- Telegraf and Grafana ----


def test_telegraf_takes_in_what_there_is() -> None:
    for consumer in CONSUMERS.values():
        (topic,) = consumer["topics"]
        assert is_known(topic)
        (parsing,) = consumer["topic_parsing"]
        assert parsing["topic"] == topic
        levels, tags = topic.split("/"), parsing["tags"].split("/")
        assert len(tags) == len(levels)
        tagged = [level for level, tag in zip(levels, tags, strict=True) if tag != "_"]
        assert tagged == ["+"] * topic.count("+"), "each name is a tag, and nothing else is"
        payload = shown_on(topic)
        optional = named_in(PAGE, "How it is")
        assert {*consumer.get("json_string_fields", ()), *filter(None, [consumer.get("json_time_key")])} <= {
            *payload,
            *optional,
        }


def test_grafana_draws_what_telegraf_takes_in() -> None:
    queries = [target["query"] for panel in GRAFANA["panels"] for target in panel["targets"]]
    assert len(queries) == 6
    buckets = {output["bucket"] for output in TELEGRAF["outputs"]["influxdb_v2"]}
    for query in queries:
        measurement = re.findall(r'r\._measurement == "(\w+)"', query)[0]
        field = re.findall(r'r\._field == "(\w+)"', query)[0]
        assert field in flattened(shown_on(CONSUMERS[measurement]["topics"][0])), query
        assert re.findall(r'from\(bucket: "(\w+)"\)', query)[0] in buckets
    (variable,) = GRAFANA["templating"]["list"]
    assert all(f"${{{variable['name']}:regex}}" in query for query in queries)
    ids = [panel["id"] for panel in GRAFANA["panels"]]
    assert len(set(ids)) == len(ids)


# ---- Mosquitto ----


def test_the_access_rules_are_on_topics_that_there_are() -> None:
    rules = (CONFIG / "mosquitto" / "acl").read_text().replace("%u", "gate-01")
    topics = re.findall(r"^(?:topic|pattern) \w+ (\S+)$", rules, re.MULTILINE)
    assert len(topics) > 20
    assert not [topic for topic in topics if not is_known(topic)]


def test_home_assistant_may_read_and_press_all_that_is_announced() -> None:
    topics = Topics("edged/v1", "gate-01")
    payload = json.loads(
        device_payload(Facts(topics, "1", sources=("gate",), jobs={"people": {"gate": Counted(("person",))}}))
    )
    components = payload["components"].values()
    read = {each[key] for each in components for key in ("state_topic", "image_topic") if key in each}
    read |= {each["topic"] for each in payload["availability"]} | {discovery_topic(topics)}
    pressed = {each["command_topic"] for each in components if "command_topic" in each}
    rules = (
        (CONFIG / "mosquitto" / "acl").read_text().partition("user homeassistant\n")[2].partition("user ")[0]
    )
    for wanted, access in ((read, "read"), (pressed, "write")):
        found = re.findall(rf"^topic (?:{access}|readwrite) (\S+)$", rules, re.MULTILINE)
        allowed = [Subscription(each, replay=Replay.ALWAYS) for each in found]
        assert wanted
        assert all(any(rule.matches(topic) for rule in allowed) for topic in wanted)
