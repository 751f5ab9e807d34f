"""The jobs of this worker: what is wanted, what runs, and how one becomes the other."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from edged.model.ending import Reason
from edged.model.messages import JobReport, JobSpec, JobState, JobStats, Library, WorkerSpec
from edged.worker.job import Job
from edged.worker.lane import Lane
from edged.worker.loader import Loaded, Loader, Order
from edged.worker.tally import Tally

_log = logging.getLogger(__name__)

_SLOW_RETRY_NS = 30_000_000_000
_PROVING_NS = 10_000_000_000
_RETRIED_SLOWLY = ("model_not_found", "algorithm_not_found")
"""Somebody has to put a file there; looking again is cheap."""
_RETRIED_WITH_BACKOFF = ("algorithm_failed",)
"""Any other code says that the spec is wrong: it stays failed until that changes."""


class Jobs:
    """Level-triggered: `apply` may be called with the same spec any number of times."""

    def __init__(
        self,
        loader: Loader,
        report: Callable[[JobReport], None],
        has_run: Callable[[str, str], bool],
        on_end: Callable[[str, str, Reason], None] = lambda job, source, reason: None,
    ) -> None:
        """``has_run``: whether there was a result of this (job, source) in this boot. ``on_end`` is told that
        its lane ends."""
        self._loader = loader
        self._report = report
        self._has_run = has_run
        self._on_end = on_end
        self._library = Library()
        self._jobs: dict[str, Job] = {}
        self._by_source: dict[str, tuple[Lane, ...]] = {}

    def on(self, source: str) -> tuple[Lane, ...]:
        """The lanes that look at a source."""
        return self._by_source.get(source, ())

    @property
    def settled(self) -> bool:
        """Nothing is being loaded."""
        return all(job.order is None for job in self._jobs.values())

    def stats(self, now_ns: int) -> list[JobStats]:
        """Of every job; call it once a second."""
        for job in self._jobs.values():
            job.tally.tick(now_ns)
        return [
            replace(job.tally.stats(name, now_ns), again_ns=job.again_ns) for name, job in self._jobs.items()
        ]

    def apply(self, spec: WorkerSpec, now_ns: int) -> list[str]:
        """Bring about what ``spec`` wants; returns the names of jobs that are gone."""
        library_changed = spec.library != self._library
        self._library = spec.library
        wanted = {job.name: replace(job, numbering={}) for job in spec.jobs}
        gone = [name for name in self._jobs if name not in wanted]
        for name in gone:
            self._loader.cancel(name)
            self._end(self._jobs.pop(name).lanes, Reason.ENDED)
        for name, job_spec in wanted.items():
            job = self._jobs.get(name)
            if job is None:
                self._jobs[name] = job = Job(job_spec, now_ns)
                self._start(job)
            elif job.wanted != job_spec:
                self._change(job, job_spec, now_ns)
            elif library_changed and not job.lanes:
                self._start(job)
        self._index()
        return gone

    def take_over(self, loaded: Loaded, now_ns: int) -> list[Lane]:
        """Let what was loaded run; returns the lanes that are new."""
        job = self._jobs.get(loaded.order.job.name)
        if job is None or job.order is not loaded.order:  # wanted no more
            for chain in loaded.chains.values():
                self._loader.close_later(chain)
            return []
        job.order = None
        if loaded.code:
            self._load_failed(job, loaded, now_ns)
            return []
        new = self._take_lanes(job, loaded, now_ns)
        job.loading.succeeded()
        self._index()
        if set(job.wanted.sources) != job.lanes.keys():  # they changed while it was loaded
            self._order(job)
        elif not job.failing:
            self._enter(job, JobState.RUNNING)
        return new

    def _take_lanes(self, job: Job, loaded: Loaded, now_ns: int) -> list[Lane]:
        """Those of other algorithms end here."""
        kept = job.lanes if job.same_algorithms(job.wanted) else {}
        if not kept:
            errors = job.tally.errors if job.tally.loaded == job.wanted.version else 0
            job.tally = Tally(now_ns, job.wanted.version, errors=errors)
        new = {
            source: Lane(job.wanted, source, chain, job.tally, self._since(job, source, now_ns))
            for source, chain in loaded.chains.items()
            if source in job.wanted.sources
        }
        for source in loaded.chains.keys() - new.keys():
            self._loader.close_later(loaded.chains[source])
        gone = {source: lane for source, lane in job.lanes.items() if source not in kept}
        self._end({source: lane for source, lane in gone.items() if source in new}, Reason.RESTARTED)
        self._end({source: lane for source, lane in gone.items() if source not in new}, Reason.ENDED)
        job.lanes = {**kept, **new}
        return list(new.values())

    def retry(self, now_ns: int) -> None:
        """Load again what failed and may load by now."""
        for job in self._jobs.values():
            if job.retry_ns is not None and now_ns >= job.retry_ns:
                self._order(job)

    def lane_failed(self, lane: Lane, code: str, error: str) -> None:
        """A run raised."""
        job = self._jobs[lane.spec.name]
        self._enter(job, JobState.FAILED, code, f"{lane.source}: {error}", version=lane.spec.version)

    def lane_recovered(self, lane: Lane) -> None:
        """A run succeeded after the lane had failed."""
        job = self._jobs[lane.spec.name]
        if not job.failing and job.order is None and job.retry_ns is None:
            self._enter(job, JobState.RUNNING, version=lane.spec.version)

    def close(self) -> None:
        """Hand everything to the loader to close."""
        for name, job in self._jobs.items():
            self._loader.cancel(name)
            self._close(job.lanes)
        self._jobs.clear()
        self._by_source.clear()

    def end(self) -> None:
        """Nothing will run any more: what their events began ends."""
        for job in self._jobs.values():
            for source in job.lanes:
                self._on_end(job.wanted.name, source, Reason.ENDED)

    def _start(self, job: Job) -> None:
        self._enter(job, JobState.STARTING)
        self._order(job)

    def _change(self, job: Job, spec: JobSpec, now_ns: int) -> None:
        """Keep what can be kept: lanes of other algorithms run on until the new ones are loaded."""
        job.wanted, job.wanted_ns = spec, now_ns
        if job.same_algorithms(spec):
            self._go_on(job, spec)
        elif job.loads_for(spec, self._library):
            self._enter(job, JobState.STARTING)
        else:
            self._start(job)

    def _go_on(self, job: Job, spec: JobSpec) -> None:
        """The lanes that run take it over, and lose nothing."""
        left = {source: lane for source, lane in job.lanes.items() if source not in spec.sources}
        self._end(left, Reason.ENDED)
        job.lanes = {source: lane for source, lane in job.lanes.items() if source in spec.sources}
        for lane in job.lanes.values():
            lane.take_over(spec)
        job.tally.begin(spec.version)
        self._loader.cancel(spec.name)
        job.order = job.retry_ns = None
        if set(spec.sources) != job.lanes.keys():
            self._order(job)
        else:
            self._enter(job, JobState.RUNNING)

    def _order(self, job: Job) -> None:
        """Load the lanes that are missing: all of them, unless those that run would do."""
        there = job.lanes if job.same_algorithms(job.wanted) else {}
        missing = tuple(source for source in job.wanted.sources if source not in there)
        job.retry_ns = None
        job.order = Order(job.wanted, missing, self._library)
        self._loader.order(job.order)

    def _load_failed(self, job: Job, loaded: Loaded, now_ns: int) -> None:
        """Lanes of other algorithms than those wanted end, too; of the same, the sources that run go on."""
        if not job.same_algorithms(job.wanted):
            self._end(job.lanes, Reason.ENDED)
            job.lanes = {}
            self._index()
        if not job.lanes and job.tally.loaded != job.wanted.version:
            job.tally = Tally(now_ns, job.wanted.version)
        job.tally.failed()
        job.loading.failed(now_ns)
        if loaded.code in _RETRIED_SLOWLY:
            job.retry_ns = now_ns + _SLOW_RETRY_NS
        elif loaded.code in _RETRIED_WITH_BACKOFF:
            job.retry_ns = now_ns + job.loading.delay_ns
        if job.state is not JobState.FAILED:
            _log.error("job %s does not load: %s", job.wanted.name, loaded.error)
        # also when it failed before: somebody mended one thing, and now another is wrong
        version, again_ns = job.wanted.version, job.retry_ns or 0
        report = JobReport(job.wanted.name, JobState.FAILED, loaded.code, loaded.error, version, again_ns)
        self._say(job, report)

    def _since(self, job: Job, source: str, now_ns: int) -> int:
        """From when on frames are a new lane's own: no other lane ran on them, or died of them.

        For the first lane of all that includes those that came while the job was proved and loaded,
        or a job that runs once an hour would begin with its second turn.
        """
        if source in job.lanes:
            return now_ns
        return job.wanted_ns if self._has_run(job.wanted.name, source) else job.wanted_ns - _PROVING_NS

    def _enter(
        self, job: Job, state: JobState, code: str = "", error: str = "", *, version: int | None = None
    ) -> None:
        """``version``: that of the lanes, where they may be older than what is wanted."""
        version = job.wanted.version if version is None else version
        if (job.state, job.told_version) != (state, version):
            again_ns = job.again_ns if state is JobState.FAILED else 0
            self._say(job, JobReport(job.wanted.name, state, code, error, version, again_ns))

    def _say(self, job: Job, report: JobReport) -> None:
        job.state, job.told_version = report.state, report.version
        self._report(report)

    def _end(self, lanes: dict[str, Lane], reason: Reason) -> None:
        """While main listens."""
        for source, lane in lanes.items():
            self._on_end(lane.spec.name, source, reason)
        self._close(lanes)

    def _close(self, lanes: dict[str, Lane]) -> None:
        for lane in lanes.values():
            lane.alive = False
            lane.tally.forget(lane.source)
            self._loader.close_later(lane.chain)

    def _index(self) -> None:
        by_source: dict[str, tuple[Lane, ...]] = {}
        for job in self._jobs.values():
            for source, lane in job.lanes.items():
                by_source[source] = (*by_source.get(source, ()), lane)
        self._by_source = by_source
