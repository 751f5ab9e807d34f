"""All jobs, their workers and their proofs: what should run, what does, and what becomes of the rest."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from edged.control.commands.request import CommandFailed
from edged.control.job import JobRecord
from edged.control.job_table import JobTable
from edged.control.model_shelf import ModelShelf
from edged.control.named import not_there
from edged.control.proving import Proving
from edged.control.routing import Router
from edged.control.source import SourceControl
from edged.control.sources import Sources
from edged.control.status import Statuses
from edged.control.tracks import FrameTrack
from edged.control.unplanned import Unplanned
from edged.control.views import JobView
from edged.control.worker import WorkerControl
from edged.model.messages import (
    ClipWish,
    JobReport,
    JobSpec,
    JobState,
    JobStats,
    Library,
    Pictures,
    Proof,
    ProveReport,
    SnapshotReport,
    SnapshotRequest,
    WorkerSpec,
)
from edged.model.output import Output
from edged.planning.plan import JobPlan, Plan
from edged.supervise.process import ChildExit, ProcessKind
from edged.supervise.supervisor import Supervisor

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


class SnapshotDesk(Protocol):
    """Who asks for pictures, and waits for them."""

    def wanted_of(self, worker: str) -> tuple[SnapshotRequest, ...]:
        """The requests that stand in the specification of a worker."""

    def came(self, output: Output) -> None:
        """A JPEG; its report comes next."""

    def reported(self, report: SnapshotReport) -> None: ...

    def worker_died(self, worker: str, death: ChildExit) -> None: ...


class Jobs:
    """The `WorkerOwner` of all workers. Temporary jobs are in no spec: only their snapshots leave."""

    def __init__(  # noqa: PLR0913 — each part of the device that a job meets, and each once
        self,
        identity: Identity,
        table: JobTable,
        sources: Sources,
        router: Router,
        statuses: Statuses,
        supervisor: Supervisor,
        kinds: Mapping[str, ProcessKind],
        models: ModelShelf,
        *,
        on_change: Callable[[], None],
    ) -> None:
        self.workers: dict[str, WorkerControl] = {}
        self.listed = ProveReport()
        """What the last prover found: algorithms and providers."""
        self.snapshots: SnapshotDesk | None = None
        self.shown: Callable[[], Collection[tuple[str, str]]] = tuple
        """The jobs, each with a source, of which results are drawn on live pictures now."""
        self.on_wish: Callable[[ClipWish], None] = lambda wish: None
        """Takes the events that jobs record."""
        self._identity = identity
        self._table = table
        self._sources = sources
        self._router = router
        self._statuses = statuses
        self._supervisor = supervisor
        self._kinds = kinds
        self._models = models
        models.on_change = self._models_changed
        self._told_to_wait: set[str] = set()
        """Jobs whose statuses say that they wait for a model."""
        self._on_change = on_change
        self._unplanned = Unplanned(statuses.failed_job, statuses.clear_job)
        self._plan = Plan()
        self._proving: Proving | None = None
        self._rounds = itertools.count(1)

    # ---- what should be ----

    def apply(self, plan: Plan, *, proved: Collection[JobSpec], afresh: bool) -> None:
        """See `Device.apply`; the sources are those of the plan already."""
        is_library_new = self._proving is None or plan.library != self._plan.library
        if is_library_new:
            self._table.doubt_all()
        self._table.note_proofs(proved)
        self._plan = plan
        self._forget_jobs(plan)
        self._unplanned.apply(plan.failed_jobs, plan.jobs)
        for job in plan.jobs.values():
            self._put(job)
        self.refresh()
        self._prove(plan.library, is_library_new=is_library_new, afresh=afresh)

    def refresh(self) -> None:
        """Have the workers that are needed, tell all of them their jobs, and have the frames copied."""
        wanted = self._table.workers()
        for name in [name for name in self.workers if name not in wanted]:
            self.workers.pop(name).stop()
        for name in sorted(wanted - set(self.workers)):
            self.workers[name] = WorkerControl(name, self._supervisor, self._kinds["worker"], self)
            self.workers[name].start()
        for worker in self.workers.values():
            worker.refresh()
        self._sources.refresh_readers()

    def restart(self, name: str) -> None:
        """Its algorithms are loaded anew, and forget what they knew. Raises `CommandFailed`."""
        before = self._table.records.get(name)
        if before is None:
            raise not_there("job", name, self._plan.jobs, self._plan.failed_jobs)
        if not before.plan.enabled:
            raise CommandFailed("conflict", f"{name} is paused: resume it instead")
        self._statuses.job(self._table.restart(before))
        self.refresh()
        self._prove(self._plan.library, is_library_new=False, afresh=False)

    def restart_worker(self, name: str) -> None:
        """A new process for all its jobs. Raises `CommandFailed`."""
        if name not in self.workers:
            raise not_there("worker", name, self.workers, {})
        self._supervisor.restart(self.workers[name].process)

    def view(self, name: str) -> JobView | None:
        """None: there is none of this name."""
        failure = self._plan.failed_jobs.get(name)
        if failure is not None:
            path = failure.problems[0].path.removeprefix("spec.")
            return JobView(name, JobState.FAILED, True, failure.code, failure.message, path)
        job = self._table.find(name)
        if job is None:
            return None
        worker = self.workers.get(job.plan.worker)
        is_alive = worker is not None and self._supervisor.is_running(worker.process)
        return job.view(is_worker_alive=is_alive)

    def retry(self, now_s: float) -> None:
        """Prove again what failed its proof and may do well now."""
        for job in self._table.records.values():
            if self._proving is not None and job.is_due_again(now_s):
                self._proving.ask(job.spec)

    def _forget_jobs(self, plan: Plan) -> None:
        records = self._table.records
        for job in [job for job in records.values() if job.name not in plan.jobs]:
            del records[job.name]
            self._router.forget(job)
            if job.name not in plan.failed_jobs:
                self._statuses.clear_job(job.name)
            self._statuses.clear_counts(job.name, job.plan.spec.sources)

    def _put(self, plan: JobPlan) -> None:
        name = plan.spec.name
        before = self._table.records.get(name)
        if before is not None and before.plan == plan:
            if plan.enabled and not before.proved and self._table.is_proved(plan.spec):
                self._pass(before)
            return
        if before is not None:
            self._statuses.clear_counts(name, set(before.plan.spec.sources) - set(plan.spec.sources))
        self._router.job_moves(name, plan.worker, plan.spec.sources if plan.enabled else ())
        job = self._table.put(plan, self._router.numbers_of(name))
        if not plan.enabled:
            job.set_state(JobState.PAUSED)
        self._statuses.job(job)

    def _prove(self, library: Library, *, is_library_new: bool, afresh: bool) -> None:
        """What is new or changed, and not known to load. What is being proved already goes on."""
        unproved = self._table.unproved()
        for job in unproved:
            if job.out and (afresh or is_library_new):
                job.failed_proofs, job.prove_again_s, job.out = 0, None, False
                self._set_job(job, JobState.STARTING)
                self._sources.refresh_readers()
        if self._proving is None or is_library_new:
            self._begin_proving(library)
        elif afresh:
            self._proving.list_again()
        ready = [job for job in unproved if not self._waits_for_a_model(job)]
        if self._proving is not None:
            self._proving.keep_to([job.spec for job in ready])
            for job in ready:
                if not job.out:
                    self._proving.ask(job.spec)

    def _waits_for_a_model(self, job: JobRecord) -> bool:
        """One that the spec brings along. Its status says so, unless its last version runs on."""
        awaited = self._models.awaited(job.spec)
        if awaited is not None and job.running is None:
            self._told_to_wait.add(job.name)
            state, code, error, again_ns = awaited
            self._set_job(job, state, code, error, again_ns=again_ns)
        elif awaited is None and job.name in self._told_to_wait:
            self._told_to_wait.discard(job.name)
            self._set_job(job, JobState.STARTING)
        return awaited is not None

    def _models_changed(self) -> None:
        """One came, or does not come for another reason."""
        self._prove(self._plan.library, is_library_new=False, afresh=False)
        self._on_change()

    def _begin_proving(self, library: Library) -> None:
        if self._proving is not None:
            self._proving.cancel()
        self._proving = Proving(
            str(next(self._rounds)),
            (),
            library,
            self._supervisor,
            self._kinds["prover"],
            on_proof=self._proof_found,
            on_listed=self._algorithms_listed,
        )

    # ---- what children report ----

    def _proof_found(self, proof: Proof) -> None:
        job = self._table.records.get(proof.job)
        if job is None:
            return
        if proof.error and proof.code not in _MAY_RETRY:
            job.fail_proof(time.monotonic(), final=proof.final or proof.code not in _MAY_CHANGE)
            if job.refuse(proof):
                self._statuses.job(job)
        else:
            if not proof.error:
                self._table.note_proofs((job.spec,))
                job.warn_of(proof)
            self._pass(job)
        self.refresh()
        self._on_change()

    def _pass(self, job: JobRecord) -> None:
        was_out = job.out
        job.pass_proof()
        if was_out:
            self._set_job(job, JobState.STARTING)

    def _algorithms_listed(self, report: ProveReport) -> None:
        self.listed = report

    def job_reported(self, worker: str, report: JobReport) -> None:
        job = self._table.running(worker, report.job)
        if job is None:
            return
        before = job.sampled
        if job.reported(report):
            self._publish(job)
        if job.sampled != before:
            self._sources.refresh_readers()
        if report.state is JobState.RUNNING and report.version == job.version:
            self._table.note_proofs((job.spec,))
        self._on_change()

    def job_counted(self, worker: str, stats: JobStats) -> None:
        job = self._table.running(worker, stats.job)
        if job is not None:
            if job.counted(stats):
                self._publish(job)
            self._on_change()

    def snapshot_reported(self, report: SnapshotReport) -> None:
        if self.snapshots is not None:
            self.snapshots.reported(report)

    def clip_wished(self, wish: ClipWish) -> None:
        self.on_wish(wish)

    def worker_died(self, name: str, death: ChildExit) -> None:
        # a run and a load at the same time: the load is rare, so it is the likelier cause
        loading = [activity for activity in death.suspects if activity.phase == "load"]
        suspects = {activity.job: activity.phase for activity in loading or death.suspects}
        for job in self._table.of_worker(name):
            if job.is_wanted and death.wanted:
                self._blame(job, death, suspects.get(job.name))
            job.worker_gone()
        self._router.worker_died(name, lambda job: death.wanted and self._runs(job))
        self._sources.refresh_readers()
        if self.snapshots is not None:
            self.snapshots.worker_died(name, death)
        self._on_change()

    def _runs(self, name: str) -> bool:
        job = self._table.find(name)
        return job is not None and job.running is not None

    def _blame(self, job: JobRecord, death: ChildExit, phase: str | None) -> None:
        """``phase``: what of it was at work when its worker died; None: it has no part in that."""
        again_ns = self._supervisor.next_start_ns(death.name)
        if phase is None:
            self._set_job(job, JobState.STARTING, again_ns=again_ns)
            return
        version = job.culprit(phase)
        if job.strike(time.monotonic(), phase):
            error = f"left out after {len(job.strikes)} times: its worker {death.reason}"
            self._set_job(job, JobState.FAILED, "algorithm_failed", error)
            return
        error = f"its worker {death.reason}"
        if job.set_state(JobState.STARTING, error=error, version=version, again_ns=again_ns):
            self._publish(job)

    def route(self, worker: str, output: Output) -> None:
        self._router.route(worker, output)

    # ---- the workers' questions ----

    def worker_spec(self, worker: str) -> WorkerSpec:
        told = [spec for job in self._table.of_worker(worker) if (spec := job.told()) is not None]
        looked_at = {source for spec in told for source in spec.sources}
        return WorkerSpec(
            revision=0,
            boot=self._identity.boot,
            device=self._identity.device,
            jobs=tuple(told),
            library=self._plan.library,
            scenes={name: scene for name, scene in self._plan.scenes.items() if name in looked_at},
            pictures=self._identity.pictures,
            snapshots=self.snapshots.wanted_of(worker) if self.snapshots is not None else (),
            shown=tuple(sorted(key for key in self.shown() if key[0] in {spec.name for spec in told})),
        )

    def tracks_of(self, worker: str) -> list[FrameTrack]:
        return self._sources.tracks_of(worker)

    def frame_track_made(self, source: SourceControl) -> None:
        """A source has another track, or none."""
        track = source.desk.track
        for name, worker in self.workers.items():
            if track is not None and name in track.wakes:
                worker.offer(source.spec.source)
            else:
                worker.drop(source.spec.source)

    def _set_job(
        self, job: JobRecord, state: JobState, code: str = "", error: str = "", *, again_ns: int = 0
    ) -> None:
        if job.set_state(state, code, error, again_ns=again_ns):
            self._publish(job)

    def _publish(self, job: JobRecord) -> None:
        if job.name in self._table.records:
            self._statuses.job(job)
