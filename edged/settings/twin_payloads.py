"""JSON Schemas of what is wanted of a device over MQTT, and of what it says became of that."""

from __future__ import annotations

from typing import Any

from edged.errors import ERROR_CODES
from edged.model.twin import Gate, Phase

_DIGEST = {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}
_GATE = Gate()

DESIRED_SCHEMA: dict[str, Any] = {
    "title": "edged: what a device shall run",
    "description": "The whole spec, never a patch; retained, on PREFIX/DEVICE/desired.",
    "type": "object",
    "properties": {
        "revision": {
            "type": "integer",
            "minimum": 1,
            "maximum": 2**53 - 1,
            "description": "Higher than any that the device decided before.",
        },
        "spec": {"description": "What to run."},
        "digest": _DIGEST
        | {"description": "SHA-256 of the spec's canonical JSON (RFC 8785); a spec that differs is refused."},
        "gate": {
            "type": "object",
            "description": "What the spec has to show before it is the one to start from.",
            "properties": {
                "require": {
                    "type": "array",
                    "items": {"enum": ["jobs", "sources"]},
                    "minItems": 1,
                    "default": list(_GATE.require),
                    "description": "jobs: every changed one runs; sources: every changed one gives frames.",
                },
                "stable_for": {
                    "type": "number",
                    "minimum": 0,
                    "default": _GATE.stable_for_s,
                    "description": "Seconds without a failure before it is final.",
                },
                "timeout": {
                    "type": "number",
                    "minimum": 1,
                    "default": _GATE.timeout_s,
                    "description": "Seconds, after which it is rolled back.",
                },
            },
            "additionalProperties": False,
        },
        "keep_local": {
            "type": "boolean",
            "default": False,
            "description": "Whether the device's patches stay on top of it.",
        },
    },
    "required": ["revision", "spec"],
    "additionalProperties": False,
}

REPORTED_SCHEMA: dict[str, Any] = {
    "title": "edged: what became of it",
    "description": "What a device runs, and what became of the last desired; retained, on "
    "PREFIX/DEVICE/reported.",
    "type": "object",
    "properties": {
        "revision": {"type": "integer", "minimum": 0, "description": "Runs now; 0: the file's spec."},
        "local": {"type": "integer", "minimum": 0, "description": "Patches on top of it."},
        "phase": {
            "enum": [phase.value for phase in Phase],
            "description": "Of the last desired; absent: there never was one.",
        },
        "desired_revision": {"type": "integer", "description": "Of the last desired."},
        "highest_revision": {
            "type": "integer",
            "description": "The highest ever decided: a desired needs a higher one.",
        },
        "digest": {"type": "string", "description": "Of the last desired's spec, as received."},
        "boot": {"type": "string", "description": "Changes with each start of the daemon."},
        "since": {
            "type": "string",
            "format": "date-time",
            "description": "From when on all this holds, UTC with milliseconds.",
        },
        "errors": {
            "type": "array",
            "description": "Why the last desired was refused or rolled back.",
            "items": {
                "type": "object",
                "properties": {
                    "path": {"type": "string", "description": "From the spec's root; absent: all of it."},
                    "code": {"enum": list(ERROR_CODES), "description": "Stable."},
                    "message": {"type": "string", "description": "What is wrong, and the mend."},
                },
                "required": ["code", "message"],
            },
        },
        "progress": {
            "type": "object",
            "description": "While models are fetched: how far each is, by its name.",
            "additionalProperties": {
                "type": "object",
                "properties": {
                    "received": {"type": "integer", "minimum": 0, "description": "Bytes."},
                    "total": {"type": "integer", "description": "Bytes; absent: not known."},
                    "error": {"type": "string", "description": "Why the last try failed."},
                },
                "required": ["received"],
            },
        },
    },
    "required": ["revision", "local", "boot", "since"],
}
