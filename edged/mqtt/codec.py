"""The payloads that main itself publishes, as the contract has them: values in, JSON bytes out. Pure.

Keys that do not apply are left out. Results, counts and events are encoded where they are made, in
the worker; main passes those bytes on as they are.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from edged.errors import Problem
from edged.model.capturing import ClipReport, RecorderReport, SourceReport
from edged.model.clock import rfc3339
from edged.model.gauges import CaptureCounters, KeyframeGain
from edged.model.live import OutputView
from edged.model.messages import JobState, JobStats
from edged.model.twin import Fetched, Reported

_TOLD_PROBLEMS = 50
_PATH_LENGTH = 300
_MESSAGE_LENGTH = 2000


class DeviceState(StrEnum):
    ONLINE = "online"
    OFFLINE = "offline"
    STOPPING = "stopping"


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """What a device is and can do."""

    version: str
    host: str
    hardware: Mapping[str, Any] = field(default_factory=dict)
    """For instance model, machine, cpus, memory_mb."""
    providers: Sequence[str] = ()
    """ONNX Runtime's execution providers."""
    algorithms: Sequence[str] = ()
    models: Sequence[str] = ()
    groups: Sequence[str] = ()
    clock_synced: bool | None = None
    """None: the system does not tell."""


@dataclass(frozen=True, slots=True)
class Health:
    """How the daemon itself is."""

    wall_ns: int
    queues: Mapping[str, int] = field(default_factory=dict)
    """Depth by name."""
    drops: Mapping[str, int] = field(default_factory=dict)
    """Dropped since the start, by name of the queue."""
    cpu_percent: float | None = None
    """Of all processes of the daemon; 100 is one core."""
    memory_mb: float | None = None
    """Resident, of all processes of the daemon."""
    temperature_c: float | None = None
    heartbeats_s: Mapping[str, float] = field(default_factory=dict)
    """Seconds since each process was last heard of."""
    storage: str = ""
    """Why nothing is kept on the disk now, for people; empty: it is."""
    refused: Mapping[str, int] = field(default_factory=dict)
    """Input that was taken for nothing since the start, by reason."""
    recordings: Mapping[str, Any] = field(default_factory=dict)
    """What there is of them, and what became of clips; empty: there never were any."""
    restarts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Processes that died unasked since the start, by name; empty: none did."""


def encode_json(value: object) -> bytes:
    """Compact JSON in UTF-8; NaN and infinities become null. Raises TypeError for what JSON does not know."""
    try:
        return _dumps(value)
    except ValueError:
        return _dumps(_finite(value))


def state_payload(state: DeviceState, boot: str, since_ns: int, *, lost: bool = False) -> bytes:
    """``…/state``: birth, will and clean stop. ``since_ns`` is wall time; of a will (``lost``), which is made
    before anything goes wrong, that of the birth."""
    told = {"state": state, "boot": boot, "since": rfc3339(since_ns)}
    return encode_json({**told, **({"lost": True} if lost else {})})


def info_payload(info: DeviceInfo) -> bytes:
    """``…/info``."""
    content = {
        "version": info.version,
        "host": info.host,
        "hardware": dict(info.hardware),
        "providers": list(info.providers),
        "algorithms": list(info.algorithms),
        "models": list(info.models),
        "groups": list(info.groups),
        "clock_synced": info.clock_synced,
    }
    return encode_json({key: value for key, value in content.items() if value is not None})


def source_status_payload(
    report: SourceReport,
    *,
    since_ns: int,
    counters: CaptureCounters,
    measured_fps: float | None = None,
    last_frame_wall_ns: int | None = None,
    gain: KeyframeGain | None = None,
    recording: RecorderReport | None = None,
    next_try_ns: int | None = None,
) -> bytes:
    """``…/source/<source>/status``. ``measured_fps`` goes before what the source claims; ``recording`` None:
    not everything is recorded; ``next_try_ns``, wall time, None: now, or never by itself."""
    fps = report.fps if measured_fps is None else measured_fps
    return encode_json(
        {
            "state": report.state,
            "since": rfc3339(since_ns),
            **({"fps": round(fps, 2)} if fps > 0 or measured_fps is not None else {}),
            **({"width": report.width, "height": report.height} if report.width else {}),
            **({"codec": report.codec} if report.codec else {}),
            "frames": counters.frames,
            "decoded": counters.decoded,
            "copied": counters.copied,
            "dropped": counters.dropped,
            "reconnects": counters.reconnects,
            **({"last_frame_at": rfc3339(last_frame_wall_ns)} if last_frame_wall_ns else {}),
            **({"keyframes": _gain(gain)} if gain is not None else {}),
            **({"recording": _recording(recording)} if recording is not None else {}),
            **({"error": report.error} if report.error else {}),
            **_next_try(next_try_ns),
        }
    )


def output_status_payload(
    state: str, *, since_ns: int, view: OutputView, url: str, next_try_ns: int | None = None
) -> bytes:
    """``…/output/<output>/status``; ``url`` without login."""
    return encode_json(
        {
            "state": state,
            "since": rfc3339(since_ns),
            **({"url": url} if url else {}),
            "viewers": view.viewers,
            **({"encoder": view.encoder, "fps": round(view.fps, 2)} if view.encoder else {}),
            **({"width": view.size[0], "height": view.size[1]} if view.size else {}),
            "pictures": view.pictures,
            "bytes": view.bytes,
            "dropped": view.dropped,
            **({"error": view.error} if view.error else {}),
            **_next_try(next_try_ns),
        }
    )


def job_status_payload(
    state: JobState,
    *,
    since_ns: int,
    stats: JobStats | None = None,
    error: str = "",
    code: str = "",
    next_try_ns: int | None = None,
) -> bytes:
    """``…/job/<job>/status``. ``skipped`` are the missed turns, ``skipped_by`` their reasons; that
    names also how many pictures were left out, which are no turns."""
    counted: dict[str, Any] = {}
    if stats is not None:
        counted = {
            "runs": stats.runs,
            "skipped": stats.missed,
            "skipped_by": {reason: count for reason, count in stats.skipped.items() if count},
            "errors": stats.errors,
            "rate": round(stats.rate, 2),
            "latency_ms": {
                "p50": round(stats.p50_ms, 2),
                "p95": round(stats.p95_ms, 2),
                "p99": round(stats.p99_ms, 2),
            },
        }
        if not stats.p99_ms:  # no run yet, or none in the worker there is now
            del counted["latency_ms"]
        if not counted["skipped_by"]:
            del counted["skipped_by"]
        if stats.counters:
            counted["counters"] = stats.counters
        zones = {source: counts for source, counts in stats.zones.items() if counts}
        if zones:
            counted["zones"] = zones
    return encode_json(
        {
            "state": state,
            "since": rfc3339(since_ns),
            **counted,
            **({"error": error} if error else {}),
            **({"code": code} if code else {}),
            **_next_try(next_try_ns),
        }
    )


def clip_told(report: ClipReport, file: str) -> dict[str, Any]:
    """What there is to say of a clip that is there, in an event or an answer."""
    return {
        "file": file,
        "sha256": report.sha256,
        "bytes": report.bytes,
        "start": rfc3339(report.start_wall_ns),
        "duration": round(report.duration_s, 3),
        "before": round(report.before_s, 3),
        "codec": report.codec,
        **({"cut": True} if report.cut else {}),
    }


def clip_event_payload(
    *,
    device: str,
    boot: str,
    job: str,
    source: str,
    event_id: str,
    moment_ns: int,
    data: Mapping[str, Any],
    seq: int = 0,
) -> bytes:
    """A `clip` on ``…/job/<job>/<source>/event``. ``seq`` is 0, and left out, where another boot tells of it
    than its own: the numbers of that one have ended. ``moment_ns`` is the wall time of its first event."""
    return encode_json(
        {
            "v": 1,
            "device": device,
            "job": job,
            "source": source,
            "boot": boot,
            **({"seq": seq} if seq else {}),
            "time": rfc3339(moment_ns),
            "type": "clip",
            "id": event_id,
            "data": dict(data),
        }
    )


def health_payload(health: Health) -> bytes:
    """``…/health``."""
    content = {
        "time": rfc3339(health.wall_ns),
        "queues": dict(health.queues),
        "drops": dict(health.drops),
        "cpu_percent": _rounded(health.cpu_percent, 1),
        "memory_mb": _rounded(health.memory_mb, 1),
        "temperature_c": _rounded(health.temperature_c, 1),
        "heartbeats_s": {name: round(age, 3) for name, age in health.heartbeats_s.items()},
        "storage": health.storage or None,
        "refused": dict(health.refused) or None,
        "recordings": dict(health.recordings) or None,
        "restarts": {name: dict(each) for name, each in health.restarts.items()} or None,
    }
    return encode_json({key: value for key, value in content.items() if value is not None})


def reported_payload(reported: Reported) -> bytes:
    """``…/reported``. Of very many errors only the first are told, and of a very long one its beginning."""
    highest = reported.highest_revision
    content = {
        "revision": reported.revision,
        "local": reported.local,
        "phase": reported.phase,
        "desired_revision": reported.desired_revision,
        "highest_revision": highest if highest != reported.desired_revision else None,
        "digest": reported.digest or None,
        "boot": reported.boot,
        "since": rfc3339(reported.since_ns),
        "errors": told_problems(reported.errors) or None,
        "progress": {name: _fetched(each) for name, each in reported.progress.items()} or None,
    }
    return encode_json({key: value for key, value in content.items() if value is not None})


def _fetched(fetched: Fetched) -> dict[str, Any]:
    content = {
        "received": fetched.received,
        "total": fetched.total or None,
        "error": fetched.error[:_MESSAGE_LENGTH] or None,
    }
    return {key: value for key, value in content.items() if value is not None}


def told_problems(problems: Sequence[Problem]) -> list[dict[str, str]]:
    """Problems as they travel, in ``reported`` and in answers: their paths begin at the spec's root."""
    told = [
        {
            **({"path": path} if (path := problem.path.removeprefix("spec.")[:_PATH_LENGTH]) else {}),
            "code": problem.code,
            "message": problem.message[:_MESSAGE_LENGTH],
        }
        for problem in problems[:_TOLD_PROBLEMS]
    ]
    if more := len(problems) - len(told):
        told.append({"code": "invalid", "message": f"and {more} more"})
    return told


def answer_payload(
    request_id: str, op: str, code: str, message: str, data: Mapping[str, Any], revision: int
) -> bytes:
    """``…/res/<op>``; an empty ``code``: it went well. ``revision`` is what runs now."""
    return encode_json(
        {
            **({"id": request_id} if request_id else {}),
            "op": op,
            "status": "error" if code else "ok",
            **({"code": code} if code else {}),
            **({"message": message} if message else {}),
            **({"data": dict(data)} if data else {}),
            "revision": revision,
        }
    )


def _next_try(wall_ns: int | None) -> dict[str, str]:
    return {} if wall_ns is None else {"next_try": rfc3339(wall_ns)}


def _gain(gain: KeyframeGain) -> dict[str, float]:
    saves = {} if gain.saves_cpu is None else {"saves_cpu": round(gain.saves_cpu, 3)}
    return {"share": round(gain.share, 4), **saves}


def _recording(recording: RecorderReport) -> dict[str, str]:
    return {"state": "error", "error": recording.error} if recording.error else {"state": "on"}


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _dumps(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode(
        "utf-8", "replace"
    )


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value
