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
    """It stays out until its spec changes: it failed its proof, or used up its strikes."""
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
    def is_active(self) -> bool:
        """It should be in its worker's specification."""
        return self.is_wanted and self.proved

    def spec(self) -> JobSpec:
        """As its worker is told it, with the numbers where they go on."""
        return replace(self.plan.spec, numbering=dict(self.numbering))

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
