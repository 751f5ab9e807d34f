"""Publishes how sources and jobs are."""

from __future__ import annotations

import time

from edged.control.publisher import Publisher
from edged.control.source import SourceControl
from edged.model.gauges import CaptureCounters
from edged.model.messages import JobReport, JobStats, SourceReport
from edged.mqtt.codec import job_status_payload, source_status_payload
from edged.mqtt.topics import Topics


def publish_source(
    publisher: Publisher,
    topics: Topics,
    name: str,
    report: SourceReport,
    *,
    since_ns: int,
    source: SourceControl | None = None,
) -> None:
    """Retain a source's status; without ``source`` it has no capture, so nothing was counted."""
    counters = source.counters() if source is not None else CaptureCounters()
    payload = source_status_payload(
        report,
        since_ns=since_ns,
        counters=counters,
        measured_fps=source.measured_fps() if source is not None and counters.frames else None,
        last_frame_wall_ns=wall_ns(counters.last_frame_ns),
        gain=source.keyframe_gain() if source is not None else None,
    )
    publisher.retain(topics.source_status(name), payload)


def publish_job(
    publisher: Publisher,
    topics: Topics,
    report: JobReport,
    *,
    since_ns: int,
    stats: JobStats | None = None,
) -> None:
    """Retain a job's status; without ``stats`` it was never handed to a worker."""
    payload = job_status_payload(
        report.state, since_ns=since_ns, stats=stats, error=report.error, code=report.code
    )
    publisher.retain(topics.job_status(report.job), payload)


def wall_ns(monotonic_ns: int) -> int | None:
    """The wall time of a moment on the monotonic clock; None for 0 (never)."""
    return time.time_ns() - time.monotonic_ns() + monotonic_ns if monotonic_ns else None
