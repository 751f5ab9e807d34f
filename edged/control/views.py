"""How a job or a source is at this moment, for whoever watches a trial: values."""

from __future__ import annotations

from dataclasses import dataclass

from edged.model.capturing import SourceState
from edged.model.messages import JobState


@dataclass(frozen=True, slots=True)
class JobView:
    """One job of the plan that is in effect."""

    name: str
    state: JobState
    """As it is specified now: while an older version of it still runs, STARTING."""
    enabled: bool
    code: str = ""
    error: str = ""
    path: str = ""
    """Below the spec's root, where the error lies: ``jobs.people.params.model``; empty: the whole job."""
    runs: int = 0
    """That succeeded since it was specified as it is now."""
    errors: int = 0
    """Proofs, loads and runs that failed since then, and `crashes`."""
    crashes: int = 0
    """How often it hung or crashed its worker since then."""
    interval_s: float = 0.0
    """Between two runs; 0: every frame."""
    sources: tuple[str, ...] = ()
    """That it looks at."""
    is_worker_alive: bool = False


@dataclass(frozen=True, slots=True)
class SourceView:
    """One source of the plan that is in effect."""

    name: str
    state: SourceState
    enabled: bool
    error: str = ""
    frames: int = 0
    """That came since it was specified as it is now."""
    is_capture_alive: bool = False
