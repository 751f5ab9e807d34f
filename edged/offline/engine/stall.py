"""A run of an algorithm that takes longer than its job's deadline.

Offline nothing is ended for that: which results there are must not hang on how fast a machine is. It is said.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from edged.model.messages import JobSpec


@dataclass(frozen=True, slots=True)
class Stall:
    """One run that is not done yet."""

    job: str
    at_s: float
    """Of its newest frame, on the video's own clock."""
    lasts_s: float
    """Since it began."""
    deadline_s: float

    def __str__(self) -> str:
        return (
            f"job {self.job} is at the frame at {self.at_s:.3f} s for {self.lasts_s:.0f} s now "
            f"(deadline {self.deadline_s:g} s), and is waited for"
        )


@dataclass(slots=True)
class Attention:
    """To one stall after the other, each told again and again while it lasts."""

    _stall: Stall | None = None

    def is_new(self, stall: Stall | None) -> bool:
        """Whether ``stall`` is there, and is another run than at the call before."""
        before, self._stall = self._stall, stall
        if stall is None:
            return False
        return before is None or (before.job, before.at_s) != (stall.job, stall.at_s)


@dataclass(frozen=True, slots=True)
class _Run:
    job: JobSpec
    pts_us: int
    began_s: float

    def is_late(self, now_s: float) -> bool:
        return now_s - self.began_s > self.job.deadline_s


class InHand:
    """The runs that are under way, each in a thread of its own. From any thread."""

    def __init__(self, jobs: Sequence[JobSpec]) -> None:
        self._jobs = tuple(jobs)
        self._runs: dict[int, _Run] = {}
        self._lock = threading.Lock()

    @contextmanager
    def run(self, place: int, pts_us: int) -> Iterator[None]:
        """``with in_hand.run(…):`` job ``place`` runs on the frame at ``pts_us``, in this thread."""
        thread = threading.get_ident()
        with self._lock:
            self._runs[thread] = _Run(self._jobs[place], pts_us, time.monotonic())
        try:
            yield
        finally:
            with self._lock:
                del self._runs[thread]

    def holds(self, thread: threading.Thread, *, late: bool) -> bool:
        """Whether ``thread`` is in a run; ``late``: in one that is beyond its deadline."""
        now_s = time.monotonic()
        with self._lock:
            run = self._runs.get(thread.ident or 0)
        return run is not None and (run.is_late(now_s) or not late)

    def stall(self) -> Stall | None:
        """The run that is furthest beyond its deadline; None: none is."""
        now_s = time.monotonic()
        with self._lock:
            late = [run for run in self._runs.values() if run.is_late(now_s)]
        if not late:
            return None
        worst = min(late, key=lambda run: run.began_s + run.job.deadline_s)
        return Stall(worst.job.name, worst.pts_us / 1e6, now_s - worst.began_s, worst.job.deadline_s)
