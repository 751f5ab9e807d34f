"""What came over MQTT, on one line for people. Pure. Nothing in it can steer a terminal."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edged.app.ctl.changes import Change

Piece = tuple[str, str]
"""Text and its style."""
_SHOWN_DETECTIONS = 4
_LONGEST = 240


@dataclass(frozen=True, slots=True)
class Place:
    """Where a result or event came from, by its topic."""

    device: str
    job: str
    source: str
    kind: str
    """``result`` or ``event``."""

    @classmethod
    def of(cls, prefix: str, topic: str) -> Place | None:
        """None: another topic."""
        levels = topic.removeprefix(f"{prefix}/").split("/")
        if len(levels) != 5 or levels[1] != "job" or levels[4] not in ("result", "event"):
            return None
        return cls(levels[0], levels[2], levels[3], levels[4])


def news_line(place: Place, content: Mapping[str, Any], *, with_device: bool) -> list[Piece]:
    """A result or an event."""
    where = f"{place.job}/{place.source}"
    pieces = [
        (_time(content.get("time")), "dim"),
        (f"{place.device}  {where}" if with_device else where, "cyan"),
    ]
    return [*pieces, *(_event(content) if place.kind == "event" else _result(content))]


def change_line(change: Change, time: str, *, with_device: bool) -> list[Piece]:
    """Something became different at this ``time``, RFC 3339."""
    where = f"{change.device}  {change.what}" if with_device else change.what
    pieces = [(_time(time), "dim"), (where, "cyan"), (change.state, change.style), (change.text, "")]
    return [(text, style) for text, style in pieces if text]


def answer_line(device: str, code: str, message: str, data: Any) -> list[Piece]:
    """One of many devices' answers."""
    rest = message or (_compact(data) if data else "")
    return [(device, "cyan"), (code or "ok", "red" if code else "green"), *([(rest, "")] if rest else [])]


def problem_lines(errors: Any) -> list[str]:
    """What is wrong with a spec, as `edged check` says it: the path, then what would be right."""
    if not isinstance(errors, Sequence) or isinstance(errors, str):
        return []
    found = [error for error in errors if isinstance(error, Mapping)]
    return [
        clean(": ".join(str(error[key]) for key in ("path", "message") if error.get(key)))
        for error in found
        if error.get("message")
    ]


def recording_lines(recordings: Sequence[Any]) -> list[str]:
    """One for each: since when, for how long, how large, what, and the file."""
    rows = [_recording(each) for each in recordings if isinstance(each, Mapping)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if place in _RECORDING_NUMBERS else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def clean(text: str) -> str:
    """On one line, and without what a terminal would take for an order."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


_RECORDING_NUMBERS = (1, 2)


def _recording(content: Mapping[str, Any]) -> list[str]:
    job = f" of {content['job']}" if "job" in content else ""
    cells = [
        str(content.get("start", ""))[:19].replace("T", " "),
        _seconds(content),
        _megabytes(content),
        f"{content.get('kind', '?')}{job}" + (" (open)" if content.get("open") else ""),
        str(content.get("file", "?")),
    ]
    return [clean(cell) for cell in cells]


def _seconds(content: Mapping[str, Any]) -> str:
    duration = content.get("duration")
    return f"{duration:.1f} s" if isinstance(duration, (int, float)) else ""


def _megabytes(content: Mapping[str, Any]) -> str:
    size = content.get("bytes")
    return f"{size / 1e6:.1f} MB" if isinstance(size, (int, float)) else ""


def _result(content: Mapping[str, Any]) -> list[Piece]:
    pieces = [(f"#{content.get('seq', '?')}", "dim")]
    detections = content.get("detections")
    if isinstance(detections, list):
        pieces.append((_detections(detections), "bold" if detections else "dim"))
    if data := content.get("data"):
        pieces.append((_compact(data), ""))
    latency = content.get("latency_ms")
    if isinstance(latency, Mapping) and isinstance(latency.get("total"), (int, float)):
        pieces.append((f"{latency['total']:.1f} ms", "dim"))
    return pieces


def _event(content: Mapping[str, Any]) -> list[Piece]:
    details = [str(content[key]) for key in ("label", "zone", "line", "direction") if key in content]
    if "track_id" in content:
        details.insert(1 if "label" in content else 0, f"#{content['track_id']}")
    pieces = [(str(content.get("type", "?")), "bold yellow"), (" ".join(details), "")]
    data = content.get("data")
    if content.get("type") == "clip" and isinstance(data, Mapping) and "file" in data:
        pieces += [(str(data["file"]), ""), (_seconds(data), "dim"), (_megabytes(data), "dim")]
        pieces.append(("cut short" if data.get("cut") else "", "yellow"))
    elif data:
        pieces.append((_compact(data), ""))
    return [(text, style) for text, style in pieces if text]


def _detections(detections: list[Any]) -> str:
    if not detections:
        return "nothing"
    shown = ", ".join(_detection(each) for each in detections[:_SHOWN_DETECTIONS])
    more = len(detections) - _SHOWN_DETECTIONS
    return shown + (f" and {more} more" if more > 0 else "")


def _detection(value: Any) -> str:
    if not isinstance(value, Mapping):
        return "?"
    score = value.get("score")
    track = f" #{value['track_id']}" if "track_id" in value else ""
    percent = f" {score:.0%}" if isinstance(score, (int, float)) else ""
    return f"{value.get('label', '?')}{track}{percent}"


def _time(value: Any) -> str:
    """``09:00:00.123`` of an RFC 3339 time."""
    return value[11:23] if isinstance(value, str) and len(value) > 11 else "--:--:--.---"


def _compact(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(", ", ":"))
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
