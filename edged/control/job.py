"""One job as main knows it: state, numbers, and what it did to its worker."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field, replace

from edged.control.plan import JobPlan
from edged.model.messages import JobSpec, JobState, JobStats, Numbering

STRIKES = 2
"""A job that hung or crashed its worker this often stays out."""
_FORGIVEN_AFTER_S = 3600.0
_FIRST_AGAIN_S = 30.0
_LAST_AGAIN_S = 300.0

log = logging.getLogger("edged.job")


@dataclass
class JobRecord:
    """Everything main holds on one job. Survives the workers that run it."""

    plan: JobPlan
    state: JobState = JobState.STARTING
    code: str = ""
    error: str = ""
    since_wall_ns: int = field(default_factory=time.time_ns)
    stats: JobStats | None = None
    numbering: dict[str, Numbering] = field(default_factory=dict)
    """By source: those of the newest result that was routed."""
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
    """The spec before, which its worker runs until this one is proved."""
    past: dict[str, int] = field(default_factory=dict)
    """Counters of workers that are gone: ``runs``, ``errors`` and the reasons of skipped turns."""

    @property
    def name(self) -> str:
        return self.plan.spec.name

    @property
    def is_wanted(self) -> bool:
        """Frames should be copied for it, also while it is still being proved."""
        return self.plan.enabled and not self.out

    @property
    def running(self) -> JobSpec | None:
        """What its worker should run of it now."""
        if not self.is_wanted:
            return None
        return self.plan.spec if self.proved else self.serving

    @property
    def sampled(self) -> tuple[JobSpec, ...]:
        """The specs that frames should be copied for: also one that is still being proved."""
        if not self.is_wanted:
            return ()
        return (self.plan.spec,) if self.serving is None else (self.plan.spec, self.serving)

    def told(self) -> JobSpec | None:
        """As its worker is told it, with the numbers where they go on; None: it should not have it."""
        return replace(self.running, numbering=dict(self.numbering)) if self.running is not None else None

    def succeed(self, plan: JobPlan) -> JobRecord:
        """The record of the same job as ``plan`` has it now: what runs, runs on until that is proved."""
        fresh = JobRecord(plan, numbering=dict(self.numbering))
        if self.running is not None and plan.enabled and plan.worker == self.plan.worker:
            fresh.serving, fresh.stats, fresh.past = self.running, self.stats, self.past
            fresh.state, fresh.code, fresh.error = self.state, self.code, self.error
            fresh.since_wall_ns = self.since_wall_ns
        return fresh

    def pass_proof(self) -> None:
        """It may run; what the spec before it did to its worker does not count."""
        self.proved, self.out, self.serving = True, False, None
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

    def set_state(self, state: JobState, code: str = "", error: str = "") -> bool:
        """True when that is news."""
        if (state, code, error) == (self.state, self.code, self.error):
            return False
        if state is not self.state:
            self.since_wall_ns = time.time_ns()
        self.state, self.code, self.error = state, code, error
        level = logging.WARNING if error else logging.INFO
        log.log(level, "%s: %s%s", self.name, state, f": {error}" if error else "")
        return True

    def strike(self, now_s: float) -> bool:
        """It hung or crashed its worker. True: it was once too often, and it stays out."""
        self.strikes = [at for at in self.strikes if now_s - at < _FORGIVEN_AFTER_S] + [now_s]
        self.out = len(self.strikes) >= STRIKES
        return self.out

    def counted(self, stats: JobStats) -> None:
        """The newest counters of its worker, which begins anew when it loads other algorithms."""
        if self.stats is not None and stats.runs < self.stats.runs:
            self.worker_gone()
        self.stats = stats

    def worker_gone(self) -> None:
        """Keep what its worker had counted."""
        if self.stats is not None:
            self.past = _counts(self.total())
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


def _counts(stats: JobStats) -> dict[str, int]:
    return {**stats.skipped, "runs": stats.runs, "errors": stats.errors}
