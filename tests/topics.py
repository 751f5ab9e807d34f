"""The topics of the contract, for one device."""

from __future__ import annotations

import re

from edged.control.discovery import BIRTH_TOPIC, discovery_topic
from edged.mqtt.subscription import Replay, Subscription
from edged.mqtt.topics import Topics

_DEVICE = Topics("edged/v1", "gate-01", ("site-a",))
TOPICS = (
    _DEVICE.state,
    _DEVICE.info,
    _DEVICE.health,
    _DEVICE.desired,
    _DEVICE.reported,
    _DEVICE.answer("ping"),
    f"{_DEVICE.root}/cmd/ping",
    "edged/v1/@all/cmd/ping",
    "edged/v1/@site-a/cmd/ping",
    _DEVICE.source_status("gate"),
    _DEVICE.snapshot("gate"),
    _DEVICE.job_status("moving"),
    _DEVICE.result("moving", "gate"),
    _DEVICE.counts("moving", "gate"),
    _DEVICE.event("moving", "gate"),
    _DEVICE.crop("moving", "gate"),
    _DEVICE.output_status("gate"),
)
_MORE = (f"{_DEVICE.answer('ping')}/me", discovery_topic(_DEVICE), BIRTH_TOPIC)
"""A response topic of a request, and what Home Assistant reads and says."""


def is_known(topic: str) -> bool:
    """Whether a topic or filter, wherever it stands, is for one of these; ``${…}`` is any name."""
    wanted = re.sub(r"\$\{[^}]*\}", "+", topic)
    wanted = re.sub(r"(/cmd|/res)/[a-z]+(?=/|$)", r"\1/ping", wanted)
    return any(Subscription(wanted, replay=Replay.ALWAYS).matches(one) for one in (*TOPICS, *_MORE))
