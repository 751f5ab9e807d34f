"""The device at one moment, for people at a terminal."""

from __future__ import annotations

import time

from edged.control.device import Device
from edged.control.job import JobRecord
from edged.control.source import SourceControl
from edged.control.status import left_s
from edged.model.capturing import SourceState
from edged.model.messages import JobState
from edged.model.overview import JobLine, OutputLine, SourceLine


def source_lines(device: Device) -> tuple[SourceLine, ...]:
    """One line per source, failed ones included."""
    failed = tuple(
        SourceLine(name, SourceState.FAILED, "", error=failure.message)
        for name, failure in device.plan.failed_sources.items()
    )
    return tuple(_source_line(source) for source in device.sources.values()) + failed


def job_lines(device: Device) -> tuple[JobLine, ...]:
    """One line per job, failed ones included."""
    failed = tuple(
        JobLine(name, JobState.FAILED, error=failure.message)
        for name, failure in device.plan.failed_jobs.items()
    )
    return tuple(_job_line(job) for job in device.jobs.values()) + failed


def output_lines(device: Device) -> tuple[OutputLine, ...]:
    """One line per output, failed ones included."""
    failed = tuple(
        OutputLine(name, "failed", error=failure.message)
        for name, failure in device.plan.failed_outputs.items()
    )
    processes = device.live.processes.values()
    return tuple(line for process in processes for line in process.lines()) + failed


def _source_line(source: SourceControl) -> SourceLine:
    counters, report = source.counters(), source.report
    recording = source.recording
    recorder = f"recording: {recording.error}" if recording is not None and recording.error else ""
    age_s = (time.monotonic_ns() - counters.last_frame_ns) / 1e9 if counters.last_frame_ns else None
    return SourceLine(
        name=source.spec.source,
        state=report.state,
        url=source.spec.redacted_url,
        fps=source.measured_fps(),
        width=report.width,
        height=report.height,
        codec=report.codec,
        decoded=counters.decoded,
        copied=counters.copied,
        dropped=counters.dropped,
        reconnects=counters.reconnects,
        last_frame_age_s=age_s,
        error=report.error or recorder,
        again_s=left_s(report.again_ns),
    )


def _job_line(job: JobRecord) -> JobLine:
    stats = job.total()
    return JobLine(
        name=job.name,
        state=job.state,
        algorithms=tuple(link.algorithm for link in job.plan.spec.chain),
        rate=stats.rate,
        p50_ms=stats.p50_ms,
        p95_ms=stats.p95_ms,
        runs=stats.runs,
        skipped=stats.missed,
        errors=stats.errors,
        detections=stats.detections,
        error=job.error,
        again_s=left_s(job.again_ns),
    )
