"""This device in the words of Home Assistant's MQTT discovery. Pure.

One retained payload describes the device and all its entities (device-based discovery:
https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload). Entities read the topics that
everybody reads and press the commands that everybody sends, so nothing else of edged knows of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from edged.mqtt.codec import encode_json
from edged.mqtt.topics import Topics

PREFIX = "homeassistant"
"""Home Assistant's own default."""
BIRTH_TOPIC = f"{PREFIX}/status"
"""Where Home Assistant says that it is there."""
BIRTH = b"online"

Component = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Counted:
    """What one job counts on one source, besides the total."""

    labels: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()

    def __or__(self, other: Counted) -> Counted:
        """Both, each name once."""
        return Counted(
            tuple(dict.fromkeys((*self.labels, *other.labels))),
            tuple(dict.fromkeys((*self.zones, *other.zones))),
            tuple(dict.fromkeys((*self.lines, *other.lines))),
        )


@dataclass(frozen=True, slots=True)
class Facts:
    """What there is to announce."""

    topics: Topics
    version: str
    """Of edged."""
    model: str = ""
    """Of the machine; empty: not known."""
    sources: tuple[str, ...] = ()
    jobs: Mapping[str, Mapping[str, Counted]] = field(default_factory=dict)
    """By job and source."""


def discovery_topic(topics: Topics) -> str:
    """Where the payload goes, retained; empty there, the device is gone from Home Assistant."""
    return f"{PREFIX}/device/{re.sub(r'[^A-Za-z0-9_-]', '_', topics.root)}/config"


def device_payload(facts: Facts, removed: Mapping[str, str] | None = None) -> bytes:
    """The whole device. ``removed`` (component to platform) are taken out of Home Assistant by it.

    It forgets a component that is sent with its platform alone; one that is only left out stays.
    """
    components = device_components(facts)
    gone = {key: platform for key, platform in (removed or {}).items() if key not in components}
    return encode_json(
        {
            "device": _device(facts),
            "origin": {"name": "edged", "sw_version": facts.version},
            "availability": [
                {
                    "topic": facts.topics.state,
                    "value_template": _choice("value_json.state == 'online'", "online", "offline"),
                }
            ],
            "qos": 1,
            "components": {**components, **{key: {"platform": gone[key]} for key in sorted(gone)}},
        }
    )


def device_components(facts: Facts) -> dict[str, Component]:
    """All entities by their key, which stays the same as long as what it stands for keeps its name."""
    found: dict[str, Component] = {}
    for source in facts.sources:
        found |= dict(_source_components(facts.topics, source))
    for job, counted in facts.jobs.items():
        found |= dict(_job_components(facts.topics, job, counted))
    root = _root(facts.topics)
    return {key: {**component, "unique_id": f"{root}.{key}"} for key, component in found.items()}


def _device(facts: Facts) -> dict[str, Any]:
    model = {"model": facts.model} if facts.model else {}
    return {
        "identifiers": [_root(facts.topics)],
        "name": facts.topics.device,
        "manufacturer": "edged",
        **model,
        "sw_version": facts.version,
    }


def _source_components(topics: Topics, source: str) -> Iterator[tuple[str, Component]]:
    key = f"source.{source}"
    status = topics.source_status(source)
    yield (
        f"{key}.connectivity",
        {
            "platform": "binary_sensor",
            "name": f"{source} connection",
            "device_class": "connectivity",
            "entity_category": "diagnostic",
            "state_topic": status,
            "value_template": _choice("value_json.state == 'running'", "ON", "OFF"),
        },
    )
    yield f"{key}.enabled", _switch(topics, "source", source, status)
    yield (
        f"{key}.snapshot",
        {
            "platform": "image",
            "name": f"{source} snapshot",
            "image_topic": topics.snapshot(source),
            "content_type": "image/jpeg",
        },
    )
    yield (
        f"{key}.take_snapshot",
        {
            "platform": "button",
            "name": f"{source} take snapshot",
            "command_topic": f"{topics.root}/cmd/snapshot",
            "payload_press": _command(source=source),
            "retain": False,
            "qos": 1,
        },
    )


def _job_components(
    topics: Topics, job: str, counted: Mapping[str, Counted]
) -> Iterator[tuple[str, Component]]:
    yield f"job.{job}.enabled", _switch(topics, "job", job, topics.job_status(job))
    for source, kinds in counted.items():
        for rest, component in _count_components(job, source, kinds):
            yield (
                f"job.{job}.{source}.{rest}",
                {**component, "state_topic": topics.counts(job, source)},
            )


def _count_components(job: str, source: str, counted: Counted) -> Iterator[tuple[str, Component]]:
    where = f"{job} {source}"
    yield (
        "presence",
        {
            "platform": "binary_sensor",
            "name": f"{where} presence",
            "device_class": "occupancy",
            "value_template": _choice("value_json.total > 0", "ON", "OFF"),
        },
    )
    yield "total", _count(f"{where} count", "value_json.total")
    for label in counted.labels:
        yield f"label.{_plain(label)}", _count(f"{where} {label} count", _member("labels", label))
    for zone in counted.zones:
        yield f"zone.{_plain(zone)}", _count(f"{where} in {zone} count", _member("zones", zone))
    for line in counted.lines:
        for way in ("in", "out"):
            expression = f"{_member('lines', line, '{}')}.get({_quoted(way)}, 0)"
            yield f"line.{_plain(line)}.{way}", _count(f"{where} {line} {way}", expression, grows=True)


def _switch(topics: Topics, kind: str, name: str, status: str) -> Component:
    """One command topic has to do for both ways: ``pause`` takes ``paused``."""
    return {
        "platform": "switch",
        "name": f"{name} enabled" if kind == "source" else f"{name} job enabled",
        "state_topic": status,
        "value_template": _choice("value_json.state == 'paused'", "OFF", "ON"),
        "state_on": "ON",
        "state_off": "OFF",
        "command_topic": f"{topics.root}/cmd/pause",
        "payload_on": _command(**{kind: name, "paused": False}),
        "payload_off": _command(**{kind: name, "paused": True}),
        "retain": False,
        "qos": 1,
    }


def _count(name: str, expression: str, *, grows: bool = False) -> Component:
    """``grows``: it goes up only, and begins anew at a restart."""
    return {
        "platform": "sensor",
        "name": name,
        "state_class": "total_increasing" if grows else "measurement",
        "value_template": f"{{{{ {expression} }}}}",
    }


def _member(group: str, name: str, missing: str = "0") -> str:
    """A count of ``name``, 0 when there is none: a template's error would leave the last one standing."""
    return f"(value_json.{group} | default({{}})).get({_quoted(name)}, {missing})"


def _choice(condition: str, yes: str, no: str) -> str:
    return f"{{{{ '{yes}' if {condition} else '{no}' }}}}"


def _quoted(text: str) -> str:
    """As a string of Jinja, which reads escapes as Python does, code points above U+FFFF only unescaped."""
    return json.dumps(text, ensure_ascii=False)


def _command(**arguments: object) -> str:
    """Without an id: it runs each time it is pressed."""
    return json.dumps(arguments, ensure_ascii=False, separators=(",", ":"))


def _root(topics: Topics) -> str:
    return ".".join(_plain(level) for level in topics.root.split("/"))


def _plain(text: str) -> str:
    """Without spaces: Home Assistant splits keys of components there."""
    return quote(text, safe="", errors="replace")
