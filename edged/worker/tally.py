"""The counters of one job, and what becomes of them once a second. Pure."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from enum import StrEnum

from edged.model.messages import UNPICTURED as _UNPICTURED
from edged.model.messages import JobStats

_RATE_SECONDS = 10
_SECOND_NS = 1_000_000_000
_RUNS_KEPT = 512


class Skip(StrEnum):
    """Why a turn was missed, or a result not sent."""

    LATE = "late"
    """A newer due frame was taken."""
    OVERRUN = "overrun"
    """Overwritten before it was read."""
    FAILED = "failed"
    """The job was failed and backing off."""
    STILL = "still"
    """Nothing moved, and the job looks only where something does."""
    UNSENT = "unsent"
    """Main did not read: the channel was full."""
    UNPICTURED = _UNPICTURED
    """A picture of a result was left out: others were being made still, or it could not be."""


class Tally:
    """Counts since the job was loaded; latencies of the last 512 runs."""

    def __init__(self, now_ns: int, version: int = 0, *, errors: int = 0) -> None:
        """``version`` of the job, and the ``errors`` it had before it was loaded."""
        self.runs = 0
        self.errors = errors
        self.loaded = version
        """The version with which it began."""
        self.skipped: dict[str, int] = {}
        self.detections: dict[str, int] = {}
        """By source, in the newest result."""
        self.zones: dict[str, dict[str, int]] = {}
        """By source: the objects in each zone, in the newest result."""
        self.counters: dict[str, Mapping[str, int]] = {}
        """By source: what the algorithms count of their own work."""
        self._total_ms: deque[float] = deque(maxlen=_RUNS_KEPT)
        self._inference_ms: deque[float] = deque(maxlen=_RUNS_KEPT)
        self._seconds: deque[tuple[int, int]] = deque([(now_ns, 0)], maxlen=_RATE_SECONDS)
        self._version = version
        self._before = (0, 0)
        """Runs and errors before this version."""

    def ran(self, total_ms: float, inference_ms: float) -> bool:
        """One run succeeded: capture to result, and the chain's own part. True: the first of its version."""
        self.runs += 1
        self._total_ms.append(total_ms)
        self._inference_ms.append(inference_ms)
        return self.runs - self._before[0] == 1

    def failed(self) -> bool:
        """One run, or one load, failed. True: the first of its version."""
        self.errors += 1
        return self.errors - self._before[1] == 1

    def begin(self, version: int) -> None:
        """What comes now is another version's, though the same algorithms run."""
        self._version, self._before = version, (self.runs, self.errors)

    def skip(self, reason: Skip, turns: int = 1) -> None:
        if turns:
            self.skipped[reason] = self.skipped.get(reason, 0) + turns

    def tick(self, now_ns: int) -> None:
        """Call it once a second: the rate looks back on ten calls."""
        self._seconds.append((now_ns, self.runs))

    def stats(self, job: str, now_ns: int) -> JobStats:
        """The state of things. A rate needs a second: the first run of a job is not many per second."""
        since_ns, runs_then = self._seconds[0]
        elapsed_ns = now_ns - since_ns
        rate = (self.runs - runs_then) / (max(elapsed_ns, _SECOND_NS) / 1e9)
        total = sorted(self._total_ms)
        return JobStats(
            job=job,
            runs=self.runs,
            errors=self.errors,
            skipped=dict(self.skipped),
            rate=round(rate, 3),
            p50_ms=quantile(total, 0.50),
            p95_ms=quantile(total, 0.95),
            p99_ms=quantile(total, 0.99),
            inference_ms=quantile(sorted(self._inference_ms), 0.50),
            detections=sum(self.detections.values()),
            loaded=self.loaded,
            version=self._version,
            version_runs=self.runs - self._before[0],
            version_errors=self.errors - self._before[1],
            counters=self._summed(),
            zones={source: dict(zones) for source, zones in self.zones.items()},
        )

    def forget(self, source: str) -> None:
        """It is looked at no more; what was done there stays counted."""
        self.detections.pop(source, None)
        self.zones.pop(source, None)

    def _summed(self) -> dict[str, int]:
        total: Counter[str] = Counter()
        for counted in self.counters.values():
            total.update(counted)
        return dict(sorted(total.items()))


def quantile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that at least ``share`` of all do not exceed, to 3 decimals; 0.0 for none."""
    if not ordered:
        return 0.0
    return round(ordered[max(0, math.ceil(share * len(ordered)) - 1)], 3)
