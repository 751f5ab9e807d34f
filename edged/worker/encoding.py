"""Results, counts and events as the JSON of the contract. Pure.

Runs once per result, so it takes the short way: one dict, one call of the C encoder; what JSON does
not know is converted only when the encoder stumbles over it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from edged.algorithm.values import jsonable
from edged.errors import AlgorithmError
from edged.model.clock import rfc3339
from edged.model.detection import Detection, Outcome
from edged.model.frame import FrameHeader

MAX_RESULT_BYTES = 1_000_000
"""A larger result is refused: it belongs into a file or a picture, not onto a broker."""

_LONGEST_LABEL = 1000
"""In a caption, which has to fit into a JPEG beside the picture."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What stands at the head of every payload of one (job, source)."""

    device: str
    job: str
    source: str
    boot: str
    """Empty: offline, where neither the boot nor the time of capture mean anything; they are left out."""


@dataclass(frozen=True, slots=True)
class Latency:
    """From capture to here, in milliseconds."""

    wait_ms: float
    """Capture to the start of the run."""
    inference_ms: float
    """The chain's own run."""
    total_ms: float
    """Capture to the encoding of the result."""


def encode_result(
    origin: Origin, seq: int, frame: FrameHeader, latency: Latency | None, outcome: Outcome
) -> bytes:
    """The contract's result. Raises `AlgorithmError` for what JSON does not know, naming its key.

    ``latency`` None: offline, where it is left out.
    """
    body = _head(origin, seq, frame)
    body["frame"] = _frame(frame)
    if latency is not None:
        body["latency_ms"] = {
            "wait": round(latency.wait_ms, 1),
            "inference": round(latency.inference_ms, 1),
            "total": round(latency.total_ms, 1),
        }
    if outcome.detections is not None:
        body["detections"] = _detections(outcome.detections)
    if outcome.data:
        body["data"] = outcome.data
    payload = _dumps(body)
    if len(payload) > MAX_RESULT_BYTES:
        raise AlgorithmError(
            f"the result is {len(payload)} bytes, more than {MAX_RESULT_BYTES}: return numbers and names, "
            "not pictures or whole tensors"
        )
    return payload


def encode_counts(counts: Mapping[str, Any], frame: FrameHeader) -> bytes:
    """``counts`` as `count` gave them, with the time of the frame they were counted on."""
    return _dumps({**counts, "time": rfc3339(frame.captured_wall_ns)})


def encode_event(origin: Origin, seq: int, frame: FrameHeader, kind: str, fields: Mapping[str, Any]) -> bytes:
    """The contract's event: its type, and those of ``fields`` that apply."""
    body = _head(origin, seq, frame)
    body["type"] = kind
    body.update((key, _event_field(key, value)) for key, value in fields.items() if value is not None)
    body["frame"] = _frame(frame)
    return _dumps(body)


def encode_caption(origin: Origin, seq: int, frame: FrameHeader, detection: Detection | None) -> bytes:
    """What a picture of a result says that it is about; ``detection``: of this one alone."""
    body = _head(origin, seq, frame)
    body["frame"] = _frame(frame)
    if detection is not None:
        if detection.label:
            body["label"] = detection.label[:_LONGEST_LABEL]
        body["score"] = round(float(detection.score), 4)
        body["box"] = [round(float(edge), 5) for edge in detection.box]
        if detection.track_id is not None:
            body["track_id"] = int(detection.track_id)
    return _dumps(body)


def _event_field(key: str, value: Any) -> Any:
    """As precise as in results."""
    if key == "box":
        return [round(float(edge), 5) for edge in value]
    return round(float(value), 4) if key == "score" else value


def count(outcome: Outcome) -> dict[str, Any]:
    """How many detections there are: in all, of each label, in each zone; and what the algorithms count."""
    detections = outcome.detections or ()
    labels = Counter(detection.label for detection in detections)
    counts: dict[str, Any] = {"total": len(detections), "labels": dict(sorted(labels.items()))}
    zones = zone_counts(outcome)
    if zones:
        counts["zones"] = zones
    counts.update((key, value) for key, value in outcome.counts.items() if key != "zones" and value)
    return counts


def zone_counts(outcome: Outcome) -> dict[str, int]:
    """The objects in each zone: as the algorithms counted them, else of the detections' zones."""
    counted = outcome.counts.get("zones")
    if counted is None:
        counted = Counter(zone for detection in outcome.detections or () for zone in detection.zones)
    return dict(sorted(counted.items()))


def _head(origin: Origin, seq: int, frame: FrameHeader) -> dict[str, Any]:
    head = {"v": 1, "device": origin.device, "job": origin.job, "source": origin.source}
    if not origin.boot:
        return {**head, "seq": seq}
    return {**head, "boot": origin.boot, "seq": seq, "time": rfc3339(frame.captured_wall_ns)}


def _frame(frame: FrameHeader) -> dict[str, Any]:
    return {
        "index": frame.index,
        "pts": round(frame.pts_us / 1e6, 6),
        "width": frame.format.width,
        "height": frame.format.height,
    }


def _detections(detections: Iterable[Detection]) -> list[dict[str, Any]]:
    try:
        return [_detection(detection) for detection in detections]
    except (AttributeError, TypeError, ValueError) as error:
        raise AlgorithmError(
            f"detections are Detection values whose boxes and scores are numbers: {error}"
        ) from error


def _detection(detection: Detection) -> dict[str, Any]:
    """Coordinates with five decimals: a tenth of a pixel at 8K; keys that do not apply left out."""
    body: dict[str, Any] = {}
    if detection.label:
        body["label"] = detection.label
    if detection.label_id is not None:
        body["label_id"] = int(detection.label_id)
    body["score"] = round(float(detection.score), 4)
    body["box"] = [round(float(edge), 5) for edge in detection.box]
    if detection.track_id is not None:
        body["track_id"] = int(detection.track_id)
    if detection.zones:
        body["zones"] = detection.zones
    if detection.attributes:
        body["attributes"] = detection.attributes
    if detection.keypoints:
        body["keypoints"] = [[round(float(number), 5) for number in point] for point in detection.keypoints]
    return body


_ENCODE = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def _dumps(body: Mapping[str, Any]) -> bytes:
    try:
        text = _ENCODE(body)
    except (TypeError, ValueError, RecursionError):
        text = _ENCODE({key: jsonable(value, key) for key, value in body.items()})
    return text.encode("utf-8", "replace")
