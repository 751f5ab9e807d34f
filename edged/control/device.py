"""The device: sources, workers and jobs as they should be and as they are, brought together.

`apply` takes a plan and changes only what differs; everything else here answers to what the children
report. It publishes what changed and decides what becomes of a job that harmed its worker.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from edged.control.job import JobRecord
from edged.control.plan import Failure, Plan, demand_of, reaches_of
from edged.control.proving import Proving
from edged.control.publisher import Publisher
from edged.control.source import SourceControl
from edged.control.status import publish_job, publish_source
from edged.control.tracks import FrameTrack
from edged.control.unplanned import Unplanned
from edged.control.worker import WorkerControl
from edged.model.messages import (
    JobReport,
    JobState,
    JobStats,
    Numbering,
    Pictures,
    Proof,
    ProveReport,
    SourceReport,
    SourceState,
    WorkerSpec,
)
from edged.model.output import Output, OutputKind
from edged.model.sampling import Sampling
from edged.mqtt.topics import Topics
from edged.supervise.process import ChildExit, ProcessKind
from edged.supervise.supervisor import Supervisor

log = logging.getLogger("edged.device")

_MAY_RETRY = ("model_not_found",)
"""Proofs that fail with one of these go to the worker all the same, which tries again slowly."""
_MAY_CHANGE = ("algorithm_failed", "algorithm_not_found", "internal")
"""Proofs that fail with one of these are made again: a file or a service may come. Others need a change."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this daemon is, for as long as it runs."""

    device: str
    boot: str
    pictures: Pictures | None = None


class Device:
    """Main's domain, without MQTT, systemd or the clock of the tick."""

    def __init__(
        self,
        identity: Identity,
        supervisor: Supervisor,
        kinds: Mapping[str, ProcessKind],
        publisher: Publisher,
        topics: Topics,
    ) -> None:
        self.identity = identity
        self.plan = Plan()
        self.sources: dict[str, SourceControl] = {}
        self.jobs: dict[str, JobRecord] = {}
        self.workers: dict[str, WorkerControl] = {}
        self.listed = ProveReport()
        """What the last prover found: algorithms and providers."""
        self.results = 0
        self._supervisor = supervisor
        self._kinds = kinds
        self._publisher = publisher
        self._topics = topics
        self._unplanned_sources = Unplanned(self._publish_failed_source, self._clear_source)
        self._unplanned_jobs = Unplanned(self._publish_failed_job, self._clear_job)
        self._proving: Proving | None = None
        self._rounds = 0
        self._topic_of: dict[tuple[OutputKind, str, str], str] = {}
        self._left_off: dict[str, dict[str, Numbering]] = {}
        """By job that is gone: the last numbers it gave out."""

    # ---- what should be ----

    def apply(self, plan: Plan) -> None:
        """Bring everything to the plan. What does not differ is left untouched."""
        self.plan = plan
        self._apply_workers(plan)
        self._apply_sources(plan)
        self._apply_jobs(plan)
        for worker in self.workers.values():
            worker.refresh()
        self._refresh_sources()
        self._prove()

    def _apply_sources(self, plan: Plan) -> None:
        for name in [name for name in self.sources if name not in plan.captures]:
            self.sources.pop(name).stop()
            if name not in plan.failed_sources:
                self._clear_source(name)
        self._unplanned_sources.apply(plan.failed_sources, plan.captures)
        for name, spec in plan.captures.items():
            if name in self.sources:
                self.sources[name].apply(spec)
                continue
            source = SourceControl(
                spec, self._supervisor, self._kinds["capture"], self._source_changed, self._frame_track_made
            )
            self.sources[name] = source
            source.start()
            self._source_changed(source)

    def _apply_workers(self, plan: Plan) -> None:
        wanted = {job.worker for job in plan.jobs.values() if job.enabled}
        for name in [name for name in self.workers if name not in wanted]:
            self.workers.pop(name).stop()
        for name in sorted(wanted - set(self.workers)):
            kind = self._kinds["worker"]
            self.workers[name] = WorkerControl(name, self._supervisor, kind, self)
            self.workers[name].start()

    def _apply_jobs(self, plan: Plan) -> None:
        for name in [name for name in self.jobs if name not in plan.jobs]:
            self._forget_job(self.jobs.pop(name), gone=name not in plan.failed_jobs)
        self._unplanned_jobs.apply(plan.failed_jobs, plan.jobs)
        for name, job in plan.jobs.items():
            record = self.jobs.get(name)
            if record is not None and record.plan == job:
                continue
            if record is not None:
                self._clear_counts(name, set(record.plan.spec.sources) - set(job.spec.sources))
                fresh = record.succeed(job)
            else:
                fresh = JobRecord(job, numbering=self._left_off.pop(name, {}))
            self.jobs[name] = fresh
            if not job.enabled:
                fresh.set_state(JobState.PAUSED)
            self._publish_job(fresh)

    def _forget_job(self, job: JobRecord, *, gone: bool) -> None:
        """Clear what the broker keeps of it; should it come back in this boot, its numbers go on."""
        self._left_off[job.name] = job.numbering
        if gone:
            self._clear_job(job.name)
        self._clear_counts(job.name, job.plan.spec.sources)

    def _clear_counts(self, job: str, sources: Iterable[str]) -> None:
        for source in sources:
            self._publisher.retain(self._topics.counts(job, source), b"")

    def _refresh_sources(self) -> None:
        for source in self.sources.values():
            self._refresh_readers(source)

    def _refresh_readers(self, source: SourceControl) -> None:
        wanted = tuple(self._samplings_on(source.spec.source))
        source.set_readers(reaches_of(wanted), demand_of(sampling for _, sampling in wanted))

    def _prove(self) -> None:
        """All that were not proved: what is new, what changed, and what failed its proof before."""
        if self._proving is not None:
            self._proving.cancel()
        self._rounds += 1
        unproved = [job for job in self.jobs.values() if job.plan.enabled and not job.proved]
        for job in unproved:
            job.failed_proofs, job.prove_again_s = 0, None
            if job.out:
                job.out = False
                self._set_job(job, JobState.STARTING)
                self._refresh_sources()
        self._proving = Proving(
            str(self._rounds),
            tuple(job.plan.spec for job in unproved),
            self.plan.library,
            self._supervisor,
            self._kinds["prover"],
            on_proof=self._proof_found,
            on_listed=self._algorithms_listed,
        )
        self._proving.start()

    # ---- what children report ----

    def _proof_found(self, proof: Proof) -> None:
        job = self.jobs.get(proof.job)
        if job is None:
            return
        if proof.error and proof.code not in _MAY_RETRY:
            job.fail_proof(time.monotonic(), final=proof.final or proof.code not in _MAY_CHANGE)
            where = f"{proof.path}: " if proof.path else ""
            self._set_job(job, JobState.FAILED, proof.code, f"{where}{proof.error}")
        else:
            job.pass_proof()
        self._job_changed(job)

    def _algorithms_listed(self, report: ProveReport) -> None:
        self.listed = report

    def job_reported(self, worker: str, report: JobReport) -> None:
        job = self._running_job(worker, report.job)
        if job is not None:
            self._set_job(job, report.state, report.code, report.error)

    def job_counted(self, worker: str, stats: JobStats) -> None:
        job = self._running_job(worker, stats.job)
        if job is not None:
            job.counted(stats)

    def _running_job(self, worker: str, name: str) -> JobRecord | None:
        """None when that worker should not have it (any more): what it says of it is of the past."""
        job = self.jobs.get(name)
        is_its = job is not None and job.plan.worker == worker and job.running is not None
        return job if is_its else None

    def worker_died(self, name: str, death: ChildExit) -> None:
        jobs = [job for job in self.jobs.values() if job.plan.worker == name]
        # a run and a load at the same time: the load is rare, so it is the likelier cause
        loading = [activity for activity in death.suspects if activity.phase == "load"]
        suspects = {activity.job for activity in loading or death.suspects}
        for job in jobs:
            job.worker_gone()
            if job.out or not job.plan.enabled or not death.wanted:
                continue
            if job.name in suspects and job.strike(time.monotonic()):
                self._set_job(
                    job,
                    JobState.FAILED,
                    "algorithm_failed",
                    f"out after {len(job.strikes)} times: its worker {death.reason}",
                )
                self._refresh_sources()
            else:
                self._set_job(
                    job, JobState.STARTING, "", f"its worker {death.reason}" if job.name in suspects else ""
                )

    def route(self, worker: str, output: Output) -> None:
        job = self.jobs.get(output.job)
        if job is not None and job.plan.worker != worker:
            return  # it has another worker now, which gives these numbers out again
        if output.kind is OutputKind.RESULT:
            # also of a job that just went: a number that was used up and not heard would be a gap
            numbering = job.numbering if job is not None else self._left_off.setdefault(output.job, {})
            numbering[output.source] = Numbering(output.seq, output.track_id)
            self.results += 1
        elif job is None or output.source not in job.plan.spec.sources:
            return  # the broker would keep it
        topic = self._topic(output)
        if output.retain:
            self._publisher.retain(topic, output.payload)
        else:
            self._publisher.publish(topic, output.payload, output.qos)

    def _topic(self, output: Output) -> str:
        key = (output.kind, output.job, output.source)
        topic = self._topic_of.get(key)
        if topic is None:
            if output.kind is OutputKind.SNAPSHOT:
                topic = self._topics.snapshot(output.source)
            else:
                make = {
                    OutputKind.RESULT: self._topics.result,
                    OutputKind.COUNTS: self._topics.counts,
                    OutputKind.EVENT: self._topics.event,
                }[output.kind]
                topic = make(output.job, output.source)
            self._topic_of[key] = topic
        return topic

    # ---- the parts' questions ----

    def worker_spec(self, worker: str) -> WorkerSpec:
        told = (job.told() for job in self.jobs.values() if job.plan.worker == worker)
        jobs = tuple(spec for spec in told if spec is not None)
        return WorkerSpec(
            0, self.identity.boot, self.identity.device, jobs, self.plan.library, self.identity.pictures
        )

    def tracks_of(self, worker: str) -> list[FrameTrack]:
        tracks = (source.desk.track for source in self.sources.values())
        return [track for track in tracks if track is not None and worker in track.wakes]

    def _samplings_on(self, source: str) -> Iterator[tuple[str, Sampling]]:
        """Who looks at a source: the worker and the sampling of each job."""
        for job in self.jobs.values():
            for spec in job.sampled:
                if source in spec.sources:
                    yield job.plan.worker, spec.sampling

    # ---- changes ----

    def _source_changed(self, source: SourceControl) -> None:
        since_ns = source.since_wall_ns
        publish_source(
            self._publisher, self._topics, source.spec.source, source.report, since_ns=since_ns, source=source
        )

    def _publish_failed_source(self, name: str, failure: Failure, since_ns: int) -> None:
        report = SourceReport(SourceState.FAILED, error=failure.message)
        publish_source(self._publisher, self._topics, name, report, since_ns=since_ns)

    def _clear_source(self, name: str) -> None:
        self._publisher.retain(self._topics.source_status(name), b"")

    def _frame_track_made(self, source: SourceControl) -> None:
        track = source.desk.track
        for name, worker in self.workers.items():
            if track is not None and name in track.wakes:
                worker.offer(source.spec.source)
            else:
                worker.drop(source.spec.source)

    def _job_changed(self, job: JobRecord) -> None:
        worker = self.workers.get(job.plan.worker)
        if worker is not None:
            worker.refresh()
        self._refresh_sources()

    def _set_job(self, job: JobRecord, state: JobState, code: str = "", error: str = "") -> None:
        if job.set_state(state, code, error):
            self._publish_job(job)

    def _publish_job(self, job: JobRecord) -> None:
        report = JobReport(job.name, job.state, job.code, job.error)
        publish_job(self._publisher, self._topics, report, since_ns=job.since_wall_ns, stats=job.total())

    def _publish_failed_job(self, name: str, failure: Failure, since_ns: int) -> None:
        report = JobReport(name, JobState.FAILED, failure.code, failure.message)
        publish_job(self._publisher, self._topics, report, since_ns=since_ns)

    def _clear_job(self, name: str) -> None:
        self._publisher.retain(self._topics.job_status(name), b"")

    def retry(self) -> None:
        """Try again what failed and may do well now; called every now and then."""
        for source in self.sources.values():
            source.retry()
        now_s = time.monotonic()
        for job in self.jobs.values():
            if self._proving is not None and job.is_due_again(now_s):
                self._proving.again(job.plan.spec)

    def publish_statuses(self) -> None:
        """All statuses with fresh counters."""
        for source in self.sources.values():
            self._source_changed(source)
        for job in self.jobs.values():
            self._publish_job(job)
