"""Home Assistant as far as a device meets it: the fields that its documentation lists, and its templates.

The fields are those of https://www.home-assistant.io/integrations/mqtt/ and of the pages sensor.mqtt,
binary_sensor.mqtt, switch.mqtt, image.mqtt and button.mqtt there, by their full names.
"""

from __future__ import annotations

import contextlib
import json
import re
from typing import Any

from jinja2.sandbox import ImmutableSandboxedEnvironment

_AVAILABILITY = {"availability", "availability_mode", "availability_template", "availability_topic"}
_AVAILABILITY |= {"payload_available", "payload_not_available"}
DEVICE = {
    "configuration_url", "connections", "hw_version", "identifiers", "manufacturer", "model", "model_id",
    "name", "serial_number", "suggested_area", "sw_version", "via_device",
}  # fmt: skip
ORIGIN = {"name", "sw_version", "support_url"}
TOP = _AVAILABILITY | {"device", "origin", "components", "state_topic", "command_topic", "qos", "encoding"}
AVAILABILITY_ITEM = {"topic", "value_template", "payload_available", "payload_not_available"}
_EVERY = _AVAILABILITY | {
    "platform", "unique_id", "name", "icon", "enabled_by_default", "entity_category", "entity_picture",
    "json_attributes_template", "json_attributes_topic", "default_entity_id", "encoding",
}  # fmt: skip
COMPONENTS = {
    "sensor": _EVERY
    | {
        "device_class", "expire_after", "force_update", "last_reset_value_template", "options", "qos",
        "state_class", "state_topic", "suggested_display_precision", "unit_of_measurement", "value_template",
    },
    "binary_sensor": _EVERY
    | {
        "device_class", "expire_after", "force_update", "off_delay", "payload_off", "payload_on", "qos",
        "state_topic", "value_template",
    },
    "switch": _EVERY
    | {
        "command_template", "command_topic", "device_class", "optimistic", "payload_off", "payload_on", "qos",
        "retain", "state_off", "state_on", "state_topic", "value_template",
    },
    "image": _EVERY | {"content_type", "image_encoding", "image_topic", "url_template", "url_topic"},
    "button": _EVERY
    | {"command_template", "command_topic", "device_class", "payload_press", "qos", "retain"},
}  # fmt: skip
REQUIRED = {
    "sensor": {"state_topic"},
    "binary_sensor": {"state_topic"},
    "switch": {"command_topic"},
    "image": {"image_topic"},
    "button": {"command_topic"},
}
DEVICE_CLASSES = {
    "binary_sensor": {"connectivity", "occupancy"},
    "sensor": set(),
    "switch": set(),
    "button": set(),
}
"""Of those that Home Assistant has, the ones that make sense here."""
_TOPIC = re.compile(r"homeassistant/device/[a-zA-Z0-9_-]+/config")


def check(topic: str, payload: bytes) -> dict[str, Any]:
    """The payload, once it is as the documentation wants it."""
    assert _TOPIC.fullmatch(topic)
    content: dict[str, Any] = json.loads(payload)
    assert set(content) <= TOP
    assert {"device", "origin", "components"} <= set(content)
    assert set(content["device"]) <= DEVICE
    assert content["device"]["identifiers"]
    assert set(content["origin"]) <= ORIGIN
    assert "name" in content["origin"]
    for each in content["availability"]:
        assert set(each) <= AVAILABILITY_ITEM
        assert "topic" in each
    for key, component in content["components"].items():
        assert " " not in key
        if set(component) != {"platform"}:
            _check_component(component)
    ids = [each["unique_id"] for each in content["components"].values() if "unique_id" in each]
    assert len(ids) == len(set(ids))
    return content


def rendered(template: str, payload: bytes) -> str:
    """What Home Assistant makes of a message: `value` and, of JSON, `value_json`."""
    variables: dict[str, Any] = {"value": payload.decode()}
    with contextlib.suppress(ValueError):
        variables["value_json"] = json.loads(payload)
    return ImmutableSandboxedEnvironment().from_string(template).render(variables).strip()


def pressed(component: dict[str, Any], which: str = "payload_press") -> tuple[str, bytes]:
    """Topic and payload that Home Assistant publishes."""
    return component["command_topic"], component[which].encode()


def _check_component(component: dict[str, Any]) -> None:
    platform = component["platform"]
    assert set(component) <= COMPONENTS[platform]
    assert {"unique_id", "name"} <= set(component)
    assert REQUIRED[platform] <= set(component)
    if "device_class" in component:
        assert component["device_class"] in DEVICE_CLASSES[platform]
    if "command_topic" in component:
        assert component["retain"] is False
        assert component["qos"] == 1
    if "state_class" in component:
        assert component["state_class"] in ("measurement", "total_increasing")
    for name in ("state_topic", "command_topic", "image_topic"):
        assert not set("+#") & set(component.get(name, ""))
