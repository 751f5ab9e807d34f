"""What Home Assistant was told of this device, as it is remembered over restarts. Pure.

A component that was announced once and is announced no longer has to be taken back by name, also when
its job left the file while the daemon was down. And a label that was seen once keeps its sensor.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from edged.control.discovery import Counted
from edged.mqtt.codec import encode_json
from edged.settings.spec import Spec

MAX_NAMES = 128
"""Labels, zones and lines, of one job on one source that get a sensor: a job that reads number plates makes
ever new ones."""
_MAX_COMPONENTS = 20_000

Seen = Mapping[str, Mapping[str, Counted]]
"""What was counted, by job and source."""


@dataclass(frozen=True, slots=True)
class Announced:
    """The last announcement."""

    topic: str = ""
    """Where; empty: nothing was announced."""
    components: Mapping[str, str] = field(default_factory=dict)
    """Platform by key."""
    seen: Seen = field(default_factory=dict)


def announced_bytes(announced: Announced) -> bytes:
    """For the disk."""
    seen = {
        job: {
            source: {"labels": each.labels, "zones": each.zones, "lines": each.lines}
            for source, each in sources.items()
        }
        for job, sources in announced.seen.items()
    }
    return encode_json({"topic": announced.topic, "components": dict(announced.components), "seen": seen})


def read_announced(content: bytes | None) -> Announced:
    """From the disk; what cannot be read is forgotten."""
    try:
        value = json.loads(content or b"{}")
    except (ValueError, RecursionError):
        return Announced()
    value = _mapping(value)
    topic = value.get("topic")
    components = {
        key: platform
        for key, platform in islice(_mapping(value.get("components")).items(), _MAX_COMPONENTS)
        if isinstance(platform, str)
    }
    seen = {
        job: {source: _counted(each) for source, each in _mapping(sources).items()}
        for job, sources in _mapping(value.get("seen")).items()
    }
    return Announced(topic if isinstance(topic, str) else "", components, seen)


def counted_in(payload: bytes) -> Counted:
    """The names in a ``…/counts``; nothing for what is no such payload."""
    try:
        value = _mapping(json.loads(payload))
    except (ValueError, RecursionError):
        return Counted()
    labels, zones, lines = (tuple(_mapping(value.get(key))) for key in ("labels", "zones", "lines"))
    return bounded(Counted(labels, zones, lines))


def counted_by(spec: Spec, seen: Seen) -> dict[str, dict[str, Counted]]:
    """What each job of ``spec`` counts on each of its sources: what the spec says, then what was seen."""
    nothing = Counted()
    return {
        job: {
            source: bounded(_specified(spec, job, source) | seen.get(job, {}).get(source, nothing))
            for source in spec.sources_of(job)
        }
        for job in spec.jobs
    }


def bounded(counted: Counted) -> Counted:
    """At most `MAX_NAMES` of each, the first ones."""
    return Counted(counted.labels[:MAX_NAMES], counted.zones[:MAX_NAMES], counted.lines[:MAX_NAMES])


def _specified(spec: Spec, job: str, source: str) -> Counted:
    links = (spec.jobs[job], *spec.jobs[job].then)
    labels = [label for link in links for label in _texts(link.params.get("labels"))]
    if source not in spec.sources or all(link.algorithm != "zones" for link in links):
        return Counted(tuple(labels))
    scene = spec.sources[source]
    return Counted(tuple(labels), tuple(scene.zones), tuple(scene.lines))


def _counted(value: Any) -> Counted:
    value = _mapping(value)
    return bounded(Counted(*(_texts(value.get(key)) for key in ("labels", "zones", "lines"))))


def _texts(value: Any) -> tuple[str, ...]:
    """Of a list, what is text and no reference."""
    if not isinstance(value, (list, tuple)):
        return ()
    return tuple(item for item in value if isinstance(item, str) and "${" not in item)


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
