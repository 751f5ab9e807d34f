"""Publishes how sources and jobs are, and remembers what it told."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping

from edged.control.job import JobRecord
from edged.control.publisher import Publisher
from edged.control.source import SourceControl
from edged.model.capturing import SourceReport, SourceState
from edged.model.gauges import CaptureCounters
from edged.model.live import OutputView
from edged.model.messages import JobReport, JobState, JobStats
from edged.mqtt.codec import job_status_payload, output_status_payload, source_status_payload
from edged.mqtt.topics import Topics
from edged.planning.plan import Failure


class Statuses:
    """The retained topics of sources, jobs and outputs. What is gone is cleared: the broker would keep it."""

    def __init__(self, publisher: Publisher, topics: Topics) -> None:
        self.on_counts: Callable[[str, str, bytes], None] = lambda job, source, payload: None
        """Takes job, source and payload; an empty one when they are cleared."""
        self._publisher = publisher
        self._topics = topics
        self._told: dict[str, bytes] = {}

    @property
    def told(self) -> Mapping[str, bytes]:
        """By topic: what the broker keeps now, as far as this daemon told it."""
        return self._told

    def source(self, source: SourceControl) -> None:
        counters = source.counters()
        payload = source_status_payload(
            source.report,
            since_ns=source.since_wall_ns,
            counters=counters,
            measured_fps=source.measured_fps() if counters.frames else None,
            last_frame_wall_ns=wall_ns(counters.last_frame_ns),
            gain=source.keyframe_gain(),
            recording=source.recording,
            next_try_ns=_ahead(source.report.again_ns),
        )
        self._retain(self._topics.source_status(source.spec.source), payload)

    def failed_source(self, name: str, failure: Failure, since_ns: int) -> None:
        """It has no capture, so nothing was counted."""
        payload = source_status_payload(
            SourceReport(SourceState.FAILED, error=failure.message),
            since_ns=since_ns,
            counters=CaptureCounters(),
            measured_fps=None,
            last_frame_wall_ns=None,
            gain=None,
        )
        self._retain(self._topics.source_status(name), payload)

    def clear_source(self, name: str) -> None:
        self._retain(self._topics.source_status(name), b"")

    def job(self, job: JobRecord) -> None:
        report = JobReport(job.name, job.state, job.code, job.error, again_ns=job.again_ns)
        self._job(report, job.since_wall_ns, job.total())

    def failed_job(self, name: str, failure: Failure, since_ns: int) -> None:
        """It was never handed to a worker."""
        self._job(JobReport(name, JobState.FAILED, failure.code, failure.message), since_ns, None)

    def clear_job(self, name: str) -> None:
        self._retain(self._topics.job_status(name), b"")

    def output(self, name: str, state: str, since_ns: int, view: OutputView, url: str) -> None:
        payload = output_status_payload(
            state, since_ns=since_ns, view=view, url=url, next_try_ns=_ahead(view.again_ns)
        )
        self._retain(self._topics.output_status(name), payload)

    def failed_output(self, name: str, failure: Failure, since_ns: int) -> None:
        """Nothing makes it."""
        self.output(name, "failed", since_ns, OutputView(name, error=failure.message), "")

    def clear_output(self, name: str) -> None:
        self._retain(self._topics.output_status(name), b"")

    def counts(self, job: str, source: str, payload: bytes) -> None:
        """As a worker made them."""
        self._retain(self._topics.counts(job, source), payload)
        self.on_counts(job, source, payload)

    def clear_counts(self, job: str, sources: Iterable[str]) -> None:
        for source in sources:
            self.counts(job, source, b"")

    def clear(self, topics: Iterable[str]) -> None:
        """Whatever they are of."""
        for topic in sorted(topics):
            self._retain(topic, b"")

    def _job(self, report: JobReport, since_ns: int, stats: JobStats | None) -> None:
        payload = job_status_payload(
            report.state,
            since_ns=since_ns,
            stats=stats,
            error=report.error,
            code=report.code,
            next_try_ns=_ahead(report.again_ns),
        )
        self._retain(self._topics.job_status(report.job), payload)

    def _retain(self, topic: str, payload: bytes) -> None:
        self._publisher.retain(topic, payload)
        if payload:
            self._told[topic] = payload
        else:
            self._told.pop(topic, None)


def wall_ns(monotonic_ns: int) -> int | None:
    """The wall time of a moment on the monotonic clock; None for 0 (never)."""
    return time.time_ns() - time.monotonic_ns() + monotonic_ns if monotonic_ns else None


def left_s(monotonic_ns: int) -> float | None:
    """How long until that moment; None for 0, and for one that is past."""
    left_ns = monotonic_ns - time.monotonic_ns()
    return left_ns / 1e9 if monotonic_ns and left_ns > 0 else None


def _ahead(monotonic_ns: int) -> int | None:
    """The wall time of a moment that is still to come."""
    return wall_ns(monotonic_ns) if left_s(monotonic_ns) is not None else None
