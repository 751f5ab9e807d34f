"""The device: sources, workers and jobs as they should be and as they are, brought together.

The one door to main's domain: the spec comes in as a plan, everything else is asked by name.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

from edged.control.job import JobRecord
from edged.control.job_table import JobTable
from edged.control.jobs import Identity, Jobs, SnapshotDesk
from edged.control.live import Live
from edged.control.model_desk import ModelDesk
from edged.control.model_shelf import InThread, ModelShelf
from edged.control.publisher import Publisher
from edged.control.routing import Router
from edged.control.source import ClipMaker, SourceControl
from edged.control.sources import Sources
from edged.control.status import Statuses
from edged.control.tracks import FrameTrack
from edged.control.views import JobView, SourceView
from edged.control.worker import WorkerControl
from edged.model.messages import ClipWish, JobSpec, ProveReport
from edged.model.sampling import Sampling
from edged.mqtt.topics import Topics
from edged.planning.plan import JobPlan, Plan
from edged.supervise.process import ProcessKind
from edged.supervise.supervisor import Supervisor

__all__ = ["Device", "Identity", "SnapshotDesk"]


class Device:
    """Main's domain, without MQTT, systemd or the clock of the tick."""

    def __init__(
        self,
        identity: Identity,
        supervisor: Supervisor,
        kinds: Mapping[str, ProcessKind],
        publisher: Publisher,
        topics: Topics,
        in_thread: InThread = asyncio.to_thread,
    ) -> None:
        """``in_thread`` runs what blocks on the disk."""
        self.identity = identity
        self.models = ModelShelf(ModelDesk(supervisor, kinds["fetch"]), in_thread)
        """What specs bring along."""
        self.plan = Plan()
        self._topics = topics
        self.on_change: Callable[[], None] = lambda: None
        """The view of a job or a source may be another now."""
        self._table = JobTable()
        self._statuses = Statuses(publisher, topics)
        self._router = Router(publisher, topics, self._statuses, self._table.find, identity.boot)
        self._sources = Sources(
            supervisor,
            kinds["capture"],
            self._statuses,
            samplings_on=self._samplings_on,
            on_frame_track=self._frame_track_made,
            on_change=self._changed,
        )
        self._jobs = Jobs(
            identity,
            self._table,
            self._sources,
            self._router,
            self._statuses,
            supervisor,
            kinds,
            self.models,
            on_change=self._changed,
        )
        self.live = Live(supervisor, kinds["live"], self._statuses, self)
        self._router.on_seen = self.live.saw
        self._jobs.shown = self.live.drawn

    # ---- what should be ----

    def apply(self, plan: Plan, *, proved: Collection[JobSpec] = (), afresh: bool = False) -> None:
        """Bring everything to the plan. What does not differ is left untouched.

        Jobs that were ``proved`` elsewhere, and those whose algorithms are known to load with the same
        params, need no prover. ``afresh``: what failed is tried again, and algorithms are listed again.
        """
        self.plan = plan
        self.models.apply(plan)
        self._sources.apply(plan, afresh=afresh)
        self._jobs.apply(plan, proved=proved, afresh=afresh)
        self.live.apply(plan)
        self._changed()

    def unproved(self, plan: Plan) -> tuple[JobSpec, ...]:
        """What would have to be proved before ``plan`` is applied."""
        jobs = (job.spec for job in plan.jobs.values() if job.enabled)
        is_known = self._table.is_proved if plan.library == self.plan.library else _never
        return tuple(job for job in jobs if not is_known(job))

    def sweep_models(self, plans: Collection[Plan], storage: Path) -> None:
        """Delete those that neither ``plans`` bring nor anything that runs has loaded."""
        in_use = (
            path
            for job in self._table
            for spec in job.sampled
            for link in spec.chain
            for path in link.models.values()
        )
        self.models.sweep((self.plan, *plans), tuple(in_use), storage)

    def add_temporary_job(self, plan: JobPlan) -> None:
        """One that is in no spec, outlives `apply`, and of which nothing is published but snapshots.

        Raises ValueError for a name without a dot: a spec could have it, too.
        """
        self._table.put_temporary(plan)
        self._jobs.refresh()

    def remove_temporary_job(self, name: str) -> None:
        """Harmless when it is gone already."""
        if self._table.temporary.pop(name, None) is not None:
            self._jobs.refresh()

    def say_event(self, job: str, source: str, encode: Callable[[int], bytes]) -> None:
        """One that no worker says; ``encode`` is given its number, the next one of this job on the source."""
        self._router.say_event(job, source, encode)

    def restart_source(self, name: str) -> None:
        """A new capture; its jobs run on. Raises `CommandFailed`."""
        self._sources.restart(name)

    def restart_job(self, name: str) -> None:
        """Its algorithms are loaded anew, and forget what they knew. Raises `CommandFailed`."""
        self._jobs.restart(name)

    def restart_worker(self, name: str) -> None:
        """A new process for all its jobs. Raises `CommandFailed`."""
        self._jobs.restart_worker(name)

    def retry(self) -> None:
        """Try again what failed and may do well now; called every now and then."""
        self._sources.retry()
        self._jobs.retry(time.monotonic())

    # ---- what is ----

    @property
    def sources(self) -> Mapping[str, SourceControl]:
        """Those that can be opened, by name."""
        return self._sources.controls

    @property
    def jobs(self) -> Mapping[str, JobRecord]:
        """Those of the plan that can run, by name."""
        return self._table.records

    @property
    def workers(self) -> Mapping[str, WorkerControl]:
        return self._jobs.workers

    @property
    def listed(self) -> ProveReport:
        """What the last prover found: algorithms and providers."""
        return self._jobs.listed

    @property
    def results(self) -> int:
        """How many were routed."""
        return self._router.results

    @property
    def told(self) -> Mapping[str, bytes]:
        """By topic of a source or job: what the broker was told to keep."""
        return self._statuses.told

    @property
    def kept_topics(self) -> frozenset[str]:
        """Topics of what is planned, whether or not something was told on them yet in this run."""
        return frozenset(self._statuses.told) | self._topics_of(self.plan)

    def find_job(self, name: str) -> JobRecord | None:
        """Of the plan, or temporary."""
        return self._table.find(name)

    def job_view(self, name: str) -> JobView | None:
        """As it is specified now. None: there is none of this name."""
        return self._jobs.view(name)

    def source_view(self, name: str) -> SourceView | None:
        """As it is specified now. None: there is none of this name."""
        return self._sources.view(name)

    def publish_statuses(self) -> None:
        """All statuses with fresh counters."""
        self._sources.publish()
        for job in self.jobs.values():
            self._statuses.job(job)
        self.live.publish()

    def clear_others(self, plan: Plan) -> None:
        """An earlier run may have told of ``plan``: what is of no plan now, the broker is not to keep."""
        self._statuses.clear(self._topics_of(plan) - self.kept_topics)

    # ---- who else wants to hear ----

    @property
    def snapshots(self) -> SnapshotDesk | None:
        """Who asks for pictures; without, none are asked for."""
        return self._jobs.snapshots

    @snapshots.setter
    def snapshots(self, desk: SnapshotDesk | None) -> None:
        self._jobs.snapshots = desk
        self._router.on_snapshot = desk.came if desk is not None else None

    def record_with(self, clips: ClipMaker, on_wish: Callable[[ClipWish], None]) -> None:
        """Who asks sources for clips, and hears of the events that jobs record; before the first `apply`."""
        self._sources.clips = clips
        self._jobs.on_wish = on_wish

    @property
    def on_counts(self) -> Callable[[str, str, bytes], None]:
        """Takes job, source and payload; an empty one when they are cleared."""
        return self._statuses.on_counts

    @on_counts.setter
    def on_counts(self, on_counts: Callable[[str, str, bytes], None]) -> None:
        self._statuses.on_counts = on_counts

    def _topics_of(self, plan: Plan) -> frozenset[str]:
        """That the broker keeps while it is in effect."""
        topics = self._topics
        jobs = plan.jobs.values()
        return frozenset(
            (
                *(topics.source_status(name) for name in (*plan.captures, *plan.failed_sources)),
                *(topics.job_status(name) for name in (*plan.jobs, *plan.failed_jobs)),
                *(topics.output_status(name) for name in (*plan.live.outputs, *plan.failed_outputs)),
                *(topics.counts(job.spec.name, name) for job in jobs for name in job.spec.sources),
            )
        )

    def _frame_track_made(self, source: SourceControl) -> None:
        self._jobs.frame_track_made(source)
        self.live.frame_track_made(source)

    def _samplings_on(self, source: str) -> Iterator[tuple[str, Sampling]]:
        """Who looks at a source: jobs, and whoever watches its live picture."""
        yield from self._table.samplings_on(source)
        yield from self.live.samplings_on(source)

    # ---- what live pictures need ----

    def track_of(self, source: str) -> FrameTrack | None:
        """The present one of a source."""
        control = self._sources.controls.get(source)
        return control.desk.track if control is not None else None

    def readers_changed(self) -> None:
        """Others look at live pictures now."""
        self._jobs.refresh()

    def counts_of(self, job: str, source: str) -> bytes:
        """The newest that a job made; empty: none."""
        record = self._table.find(job)
        numbers = record.numbering.get(source) if record is not None else None
        return numbers.counts.encode() if numbers is not None else b""

    def _changed(self) -> None:
        self.on_change()


def _never(_: JobSpec) -> bool:
    return False
