"""What a machine's memory can hold, so that no spec from the network starts more than that. Pure.

These are bounds that no honest spec comes near, not a promise that what is below them fits.
"""

from __future__ import annotations

from collections.abc import Iterator

from edged.errors import Problem
from edged.planning.plan import Plan

MOST_PAIRS = 4096
"""Jobs times the sources that each looks at: every pair has algorithms and counters of its own."""
_PROCESS_BYTES = 24 << 20
"""The least that a capture or a worker was seen to take for itself."""
_ALWAYS = 16
"""Processes that any machine is trusted with."""
_TRACK_BYTES = 1 << 30


def processes_of(plan: Plan) -> int:
    """How many captures, workers and processes of live pictures it asks for."""
    captures = sum(capture.enabled for capture in plan.captures.values())
    pushes = [output.to == "push" for output in plan.live.outputs.values()]
    live = sum(pushes) + (not all(pushes))  # what is served shares one
    return captures + live + len({job.worker for job in plan.jobs.values() if job.enabled})


def beyond(goal: Plan, running: Plan, memory_bytes: int) -> Iterator[Problem]:
    """Why ``goal`` would be too much for a machine of so much memory. What runs already is none of it."""
    most = max(_ALWAYS, memory_bytes // _PROCESS_BYTES, processes_of(running))
    wanted = processes_of(goal)
    if wanted > most:
        message = (
            f"asks for {wanted} processes (one for each source, worker and push); this device's memory"
            f" holds {most} at most: disable some, or let jobs share a worker"
        )
        yield Problem("spec", message, "too_large")
    pairs = _pairs(goal)
    if pairs > max(MOST_PAIRS, _pairs(running)):
        message = f"has jobs that look at {pairs} sources in all; the most is {MOST_PAIRS}"
        yield Problem("spec.jobs", message, "too_large")


def track_limit_bytes(available_bytes: int) -> int:
    """The most that one frame track may take now: half of what is left, and never more than a gigabyte,
    which takes main a quarter of a second."""
    return min(_TRACK_BYTES, available_bytes // 2)


def _pairs(plan: Plan) -> int:
    return sum(len(job.spec.sources) for job in plan.jobs.values() if job.enabled)
