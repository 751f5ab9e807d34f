"""JSON Schemas of what jobs publish; new keys may be added, so unknown ones are allowed."""

from __future__ import annotations

from typing import Any

from edged.settings.fields import NAME_PATTERN


def _named(description: str) -> dict[str, Any]:
    return {"type": "string", "pattern": NAME_PATTERN, "description": description}


def _count(description: str, minimum: int = 0) -> dict[str, Any]:
    return {"type": "integer", "minimum": minimum, "description": description}


def _number(description: str, **limits: float) -> dict[str, Any]:
    return {"type": "number", "description": description, **limits}


_FRACTION = {"type": "number", "minimum": 0, "maximum": 1}
_BOX = {
    "type": "array",
    "description": "x_min, y_min, x_max, y_max in fractions of the frame.",
    "items": _FRACTION,
    "minItems": 4,
    "maxItems": 4,
}
_LABEL = {"type": "string", "description": "The name of the class."}
_SCORE = _number("Confidence.", minimum=0, maximum=1)
_TRACK_ID = _count("The same object over time; never repeats within a boot.")
_DATA = {"type": "object", "description": "What the algorithm returned besides detections."}
_HEADER: dict[str, Any] = {
    "v": {"const": 1, "description": "Version of this format."},
    "device": _named("The device."),
    "job": _named("The job."),
    "source": _named("The source."),
    "boot": {
        "type": "string",
        "description": "Changes with each start of the daemon; not in offline results.",
    },
    "seq": _count("Counts per boot, job and source, without gaps."),
    "time": {
        "type": "string",
        "format": "date-time",
        "description": "When the frame was captured, UTC with milliseconds; not in offline results.",
    },
    "frame": {
        "type": "object",
        "description": "The frame as the algorithm saw it on the track.",
        "properties": {
            "index": _count("Frames of the source before it; goes on rising over reconnects."),
            "pts": _number("Seconds on the source's own clock; goes on rising over reconnects."),
            "width": _count("Pixels.", 1),
            "height": _count("Pixels.", 1),
        },
        "required": ["index", "pts", "width", "height"],
    },
}
_DETECTION = {
    "type": "object",
    "description": "One box. Keys that do not apply are left out.",
    "properties": {
        "label": _LABEL,
        "label_id": _count("The number of the class in its model."),
        "score": _SCORE,
        "box": _BOX,
        "track_id": _TRACK_ID,
        "zones": {
            "type": "array",
            "items": {"type": "string"},
            "description": "The source's zones that it is in.",
        },
        "attributes": {"type": "object", "description": "What further algorithms found, by name."},
        "keypoints": {
            "type": "array",
            "description": "x, y in fractions of the frame, and the score of each.",
            "items": {"type": "array", "items": {"type": "number"}, "minItems": 3, "maxItems": 3},
        },
    },
    "required": ["score", "box"],
}
_LATENCY = {
    "type": "object",
    "description": "Milliseconds; not in offline results.",
    "properties": {
        "wait": _number("From capture until the worker took the frame.", minimum=0),
        "inference": _number("The algorithms' own run.", minimum=0),
        "total": _number("From capture to the result.", minimum=0),
    },
}

RESULT_SCHEMA: dict[str, Any] = {
    "title": "edged: a result",
    "description": "One run of a job on a source, on PREFIX/DEVICE/job/JOB/SOURCE/result.",
    "type": "object",
    "properties": {
        **_HEADER,
        "latency_ms": _LATENCY,
        "detections": {
            "type": "array",
            "items": _DETECTION,
            "description": "Absent: the job does not detect.",
        },
        "data": _DATA,
    },
    "required": ["v", "device", "job", "source", "seq", "frame"],
}

EVENT_SCHEMA: dict[str, Any] = {
    "title": "edged: an event",
    "description": "Something that happened, on PREFIX/DEVICE/job/JOB/SOURCE/event. Only a clip that a later "
    "boot tells of has no seq.",
    "type": "object",
    "properties": {
        **_HEADER,
        "type": {
            "type": "string",
            "description": "What happened; the list is open, algorithms add their own.",
            "examples": [
                "zone_enter",
                "zone_exit",
                "zone_dwell",
                "line_cross",
                "count_over",
                "object_start",
                "object_end",
                "clip",
            ],
        },
        "id": {"type": "string", "description": "Unique; the same when an event is delivered again."},
        "label": _LABEL,
        "score": _SCORE,
        "box": _BOX,
        "track_id": _TRACK_ID,
        "zone": {"type": "string", "description": "The zone, of a zone's event."},
        "line": {"type": "string", "description": "The line, of a line's event."},
        "direction": {"enum": ["in", "out"], "description": "How a line was crossed."},
        "data": _DATA,
    },
    "required": ["v", "device", "job", "source", "type"],
}
