"""JSON Schemas for editors and people, and what the errors say of a key: its kind, choices, example."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from edged.errors import ERROR_CODES
from edged.settings.payloads import EVENT_SCHEMA, RESULT_SCHEMA
from edged.settings.schema import Settings
from edged.settings.spec import Spec
from edged.settings.twin_payloads import DESIRED_SCHEMA, REPORTED_SCHEMA

DIALECT = "https://json-schema.org/draft/2020-12/schema"
SchemaName = Literal["settings", "spec", "result", "event", "desired", "reported"]
_PAYLOADS = {"result": RESULT_SCHEMA, "event": EVENT_SCHEMA, "reported": REPORTED_SCHEMA}
_HOMES = {
    "Spec": "spec",
    "Source": "spec.sources.NAME",
    "Job": "spec.jobs.NAME",
    "Sampling": "spec.jobs.NAME.sampling",
    "Publish": "spec.jobs.NAME.publish",
    "MqttSettings": "mqtt",
    "Storage": "storage",
    "Settings": "the top of the file",
}


def json_schema(which: SchemaName) -> dict[str, Any]:
    """A JSON Schema (2020-12) of the file, its spec, or what travels, with all error codes."""
    schema: dict[str, Any] = {"$schema": DIALECT}
    if which in ("settings", "spec"):
        schema |= _for_editors((Settings if which == "settings" else Spec).model_json_schema())
        schema["title"] = "edged: the file on the device" if which == "settings" else "edged: what to run"
    elif which == "desired":
        schema |= _desired()
    else:
        schema |= _PAYLOADS[which]
    return schema | {"x-error-codes": list(ERROR_CODES)}


def _desired() -> dict[str, Any]:
    spec = _for_editors(Spec.model_json_schema())
    below = spec.pop("$defs")
    properties = DESIRED_SCHEMA["properties"]
    return DESIRED_SCHEMA | {"properties": properties | {"spec": spec}, "$defs": below}


@dataclass(frozen=True, slots=True)
class Field:
    """What the schema knows of one key of the file; empty where it knows nothing."""

    name: str = ""
    keys: tuple[str, ...] = ()
    """The keys that may stand below it."""
    choices: tuple[str, ...] = ()
    example: str = ""

    @property
    def for_example(self) -> str:
        return f"; for example {self.name}: {self.example}" if self.example else ""


def field_at(parts: tuple[str | int, ...]) -> Field:
    """The field at a path of the file; items, and keys that are names, speak of what holds them."""
    schema = _settings_schema()
    node: Mapping[str, Any] = schema
    named: Field = Field(keys=tuple(schema["properties"]))
    for part in parts:
        is_key = part in node.get("properties", {})
        raw = _below(node, part)
        node = _resolved(raw, schema)
        name, example = (str(part), "") if is_key else (named.name, named.example)
        if examples := raw.get("examples"):
            example = json.dumps(examples[0], ensure_ascii=False)
        named = Field(name, tuple(node.get("properties", ())), _choices(node) or _choices(raw), example)
    return named


def homes_of(key: str) -> tuple[str, ...]:
    """Where else in the file a key of this name may stand."""
    schema = _settings_schema()
    sections = {"Settings": schema, **schema["$defs"]}
    return tuple(home for title, home in _HOMES.items() if key in sections[title]["properties"])


@cache
def _settings_schema() -> dict[str, Any]:
    return dict(_for_editors(Settings.model_json_schema()))


def _for_editors(node: Any) -> Any:
    """Names other than the pattern's refused, and no null offered where a key is better left out."""
    if isinstance(node, list):
        return [_for_editors(item) for item in node]
    if not isinstance(node, dict):
        return node
    tidy = {key: item if key == "examples" else _for_editors(item) for key, item in node.items()}
    options = tidy.get("anyOf")
    if isinstance(options, list) and {"type": "null"} in options:
        (only,) = (option for option in options if option != {"type": "null"})
        del tidy["anyOf"], tidy["default"]
        tidy |= only
    if "patternProperties" in tidy:
        tidy = {"default": {}} | tidy | {"additionalProperties": False}
    return tidy


def _below(node: Mapping[str, Any], part: str | int) -> Mapping[str, Any]:
    if isinstance(part, int):
        prefix = node.get("prefixItems", ())
        below = prefix[part] if part < len(prefix) else node.get("items", {})
    else:
        named = next(iter(node.get("patternProperties", {}).values()), node.get("additionalProperties", {}))
        below = node.get("properties", {}).get(part, named)
    return below if isinstance(below, dict) else {}


def _resolved(node: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The node with its reference followed; of alternatives the last, which says most."""
    if "$ref" in node:
        return _resolved(schema["$defs"][str(node["$ref"]).rpartition("/")[2]], schema)
    return _resolved(node["oneOf"][-1], schema) if "oneOf" in node else node


def _choices(node: Mapping[str, Any]) -> tuple[str, ...]:
    """The words that may stand there, also where something else than a word may."""
    values = node.get("enum", (node["const"],) if "const" in node else ())
    for option in node.get("oneOf", ()):
        values = (*values, *_choices(option))
    return tuple(dict.fromkeys(str(value) for value in values))
