"""One job as main knows it: state, numbers, and what it did to its worker."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field, replace

from edged.control.views import JobView
from edged.model.messages import JobReport, JobSpec, JobState, JobStats, Numbering, Proof
from edged.planning.plan import JobPlan

STRIKES = 2
"""A job that hung or crashed its worker this often stays out."""
_FORGIVEN_AFTER_S = 3600.0
_FIRST_AGAIN_S = 30.0
_LAST_AGAIN_S = 300.0

log = logging.getLogger("edged.job")


@dataclass
class JobRecord:
    """Everything main holds on one job as it is specified now. Survives the workers that run it."""

    plan: JobPlan
    version: int = 0
    """Another number for each way in which the job was ever specified."""
    load: int = 0
    """Another number: its algorithms are loaded anew."""
    state: JobState = JobState.STARTING
    code: str = ""
    error: str = ""
    path: str = ""
    """Below the job, where the error lies."""
    state_version: int = 0
    """Of which version `state` tells: while one runs on until the next is loaded, of that one."""
    since_wall_ns: int = field(default_factory=time.time_ns)
    stats: JobStats | None = None
    numbering: dict[str, Numbering] = field(default_factory=dict)
    """By source: those of the newest result and event that were routed."""
    proved: bool = False
    """It may be handed to a worker."""
    strikes: list[float] = field(default_factory=list)
    """Monotonic times, in seconds."""
    out: bool = False
    """It failed its proof and stays out until the next one, or used up its strikes and stays out until
    its spec changes."""
    failed_proofs: int = 0
    """In a row."""
    prove_again_s: float | None = None
    """Monotonic time from which it may be proved again; None: not before somebody asks."""
    serving: JobSpec | None = None
    """The version before, which runs until this one is loaded."""
    past: dict[str, int] = field(default_factory=dict)
    """Counters of workers that are gone: ``runs``, ``errors`` and the reasons of skipped turns."""
    past_of_version: tuple[int, int] = (0, 0)
    """Runs and errors of this version in workers that are gone."""
    crashes: int = 0
    """Workers that this version brought down, or hung."""
    again_ns: int = 0
    """On the monotonic clock: when what failed, or waits for a worker, is tried again; 0: nobody says."""

    @property
    def name(self) -> str:
        return self.plan.spec.name

    @property
    def spec(self) -> JobSpec:
        """As a worker is told it, but for the numbering."""
        return replace(self.plan.spec, version=self.version, load=self.load)

    @property
    def is_wanted(self) -> bool:
        """Frames should be copied for it, also while it is still being proved."""
        return self.plan.enabled and not self.out

    @property
    def running(self) -> JobSpec | None:
        """What its worker should run of it now."""
        if not self.is_wanted:
            return None
        return self.spec if self.proved else self.serving

    @property
    def sampled(self) -> tuple[JobSpec, ...]:
        """The specs that frames should be copied for: also one that is still being proved or loaded."""
        if not self.is_wanted:
            return ()
        return (self.plan.spec,) if self.serving is None else (self.plan.spec, self.serving)

    def told(self) -> JobSpec | None:
        """As its worker is told it, with the numbers where they go on; None: it should not have it."""
        running = self.running
        return replace(running, numbering=dict(self.numbering)) if running is not None else None

    def succeed(self, plan: JobPlan, version: int, *, proved: bool, load: int | None = None) -> JobRecord:
        """The record of the same job as ``plan`` has it now: what runs, runs on until that is loaded."""
        fresh = JobRecord(
            plan,
            version,
            self.load if load is None else load,
            state_version=version,
            numbering=dict(self.numbering),
            proved=proved,
        )
        before = self.running
        if before is not None and plan.enabled and plan.worker == self.plan.worker:
            takes_over = proved and loads_as(before, fresh.spec)
            older = self.serving if self.proved else None
            fresh.serving = older if takes_over else before
            fresh.stats, fresh.past = self.stats, self.past
            fresh.state, fresh.code, fresh.error, fresh.path = self.state, self.code, self.error, self.path
            fresh.state_version, fresh.since_wall_ns = self.state_version, self.since_wall_ns
            fresh.again_ns = self.again_ns
        return fresh

    def pass_proof(self) -> None:
        """It may run; what the spec before it did to its worker does not count."""
        self.proved, self.out = True, False
        self.failed_proofs, self.prove_again_s = 0, None
        self.strikes.clear()

    def fail_proof(self, now_s: float, *, final: bool) -> None:
        """It stays out; unless that is ``final``, it is proved again later and later."""
        self.out, self.serving = True, None
        delay_s = min(_LAST_AGAIN_S, _FIRST_AGAIN_S * 2 ** min(self.failed_proofs, 16))
        self.failed_proofs += 1
        self.prove_again_s = None if final else now_s + delay_s

    def is_due_again(self, now_s: float) -> bool:
        """True once for each time that it should be proved again."""
        if self.prove_again_s is None or now_s < self.prove_again_s:
            return False
        self.prove_again_s = None
        return True

    def set_state(
        self,
        state: JobState,
        code: str = "",
        error: str = "",
        *,
        path: str = "",
        version: int | None = None,
        again_ns: int = 0,
    ) -> bool:
        """True when that is news. Without ``version`` it is about the job as it is specified now."""
        self.state_version = self.version if version is None else version
        is_later, self.again_ns = again_ns > self.again_ns, again_ns
        if (state, code, error, path) == (self.state, self.code, self.error, self.path):
            return is_later
        if state is not self.state:
            self.since_wall_ns = time.time_ns()
        self.state, self.code, self.error, self.path = state, code, error, path
        level = logging.WARNING if error else logging.INFO
        log.log(level, "%s: %s%s", self.name, state, f": {error}" if error else "")
        return True

    def refuse(self, proof: Proof) -> bool:
        """It failed its proof. True when that is news."""
        where = f"{proof.path}: " if proof.path else ""
        error, again_ns = f"{where}{proof.error}", int((self.prove_again_s or 0) * 1e9)
        return self.set_state(JobState.FAILED, proof.code, error, path=proof.path, again_ns=again_ns)

    def warn_of(self, proof: Proof) -> None:
        """It runs, but some of what it should record never happens."""
        for unsent in proof.unsent:
            log.warning("jobs.%s.%s: %s", self.name, unsent.path, unsent.message)

    def reported(self, report: JobReport) -> bool:
        """What its worker says of it. True when that is news."""
        if report.version == self.version and report.state is not JobState.STARTING:
            self.serving = None  # it was replaced
        return self.set_state(
            report.state, report.code, report.error, version=report.version, again_ns=report.again_ns
        )

    def culprit(self, phase: str) -> int:
        """The version that brought its worker down in that phase; say so before `worker_gone`."""
        if self.serving is None or (self.proved and phase == "load"):
            return self.version
        return self.serving.version

    def strike(self, now_s: float, phase: str) -> bool:
        """It hung or crashed its worker in that phase. True: it was once too often, and it stays out."""
        is_of_version = self.culprit(phase) == self.version
        self.crashes += is_of_version
        if self.proved and not is_of_version:
            return False  # the next worker runs another
        self.strikes = [at for at in self.strikes if now_s - at < _FORGIVEN_AFTER_S] + [now_s]
        self.out = len(self.strikes) >= STRIKES
        return self.out

    def counted(self, stats: JobStats) -> bool:
        """The newest counters of its worker, which begins anew when it loads other algorithms. True: what
        failed is tried again later than was known.
        """
        if self.stats is not None and (stats.loaded != self.stats.loaded or stats.runs < self.stats.runs):
            self._keep_counts()
        self.stats = stats
        is_later = self.state is JobState.FAILED and stats.again_ns > self.again_ns
        if is_later:
            self.again_ns = stats.again_ns
        return is_later

    def worker_gone(self) -> None:
        """Keep what its worker had counted; the next one loads what is wanted now."""
        self._keep_counts()
        if self.proved:
            self.serving = None

    def _keep_counts(self) -> None:
        if self.stats is not None:
            self.past = _counts(self.total())
            self.past_of_version = self._of_version()
            self.stats = None

    def total(self) -> JobStats:
        """The stats with the counters of earlier workers added."""
        stats = self.stats or JobStats(self.name, 0, 0, {}, 0.0, 0.0, 0.0, 0.0, 0.0)
        skipped = dict(stats.skipped)
        for reason, count in self.past.items():
            if reason not in ("runs", "errors"):
                skipped[reason] = skipped.get(reason, 0) + count
        return replace(
            stats,
            runs=stats.runs + self.past.get("runs", 0),
            errors=stats.errors + self.past.get("errors", 0),
            skipped=skipped,
        )

    def view(self, *, is_worker_alive: bool) -> JobView:
        """As it is specified now; what the version before did, which may still run, is left out."""
        is_told = self.state_version == self.version
        state = self.state if is_told else JobState.STARTING
        runs, errors = self._of_version()
        return JobView(
            name=self.name,
            state=state,
            enabled=self.plan.enabled,
            code=self.code if is_told else "",
            error=self.error if is_told else "",
            path=f"jobs.{self.name}.{self.path}" if is_told and self.path else "",
            runs=runs,
            errors=errors + self.crashes + self.failed_proofs,
            crashes=self.crashes,
            interval_s=self.plan.spec.sampling.interval_us / 1e6,
            sources=self.plan.spec.sources,
            is_worker_alive=is_worker_alive,
        )

    def _of_version(self) -> tuple[int, int]:
        """Runs and errors of this version."""
        runs, errors = self.past_of_version
        stats = self.stats
        if stats is not None and stats.version == self.version:
            return runs + stats.version_runs, errors + stats.version_errors
        return runs, errors


def loads_as(one: JobSpec, other: JobSpec) -> bool:
    """Whether the algorithms that are loaded for one serve the other too."""
    return (one.chain, one.load) == (other.chain, other.load)


def _counts(stats: JobStats) -> dict[str, int]:
    return {**stats.skipped, "runs": stats.runs, "errors": stats.errors}
