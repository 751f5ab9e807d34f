"""Jobs without an algorithm that look at a source for as long as somebody wants to see its picture.

They make the capture copy frames also where no job does, and have a worker of their own: no
algorithm holds their frames up, and nothing of them can hold up an algorithm.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from edged.model.capturing import Demand
from edged.model.messages import JobSpec
from edged.model.sampling import SampleOn, Sampling
from edged.planning.plan import JobPlan

WORKER = "_snapshot"
_INTERVAL_US = 200_000
_DEADLINE_S = 10.0


class TemporaryJobs(Protocol):
    """Where jobs can be added that are in no spec and are never published."""

    def add_temporary_job(self, plan: JobPlan) -> None: ...

    def remove_temporary_job(self, name: str) -> None: ...


@dataclass
class _Look:
    users: int = 0
    ending: asyncio.TimerHandle | None = None


class Onlookers:
    """At most one for each source; it stays for ``keep_s`` after the last picture."""

    def __init__(self, device: TemporaryJobs, keep_s: float) -> None:
        self._device = device
        self._keep_s = keep_s
        self._looks: dict[str, _Look] = {}

    @contextmanager
    def looking_at(self, source: str, demand: Demand) -> Iterator[str]:
        """The name of a job that looks at ``source``, of which other jobs demand so much."""
        look = self._looks.get(source)
        if look is None:
            look = self._looks[source] = _Look()
            self._device.add_temporary_job(onlooker(source, demand))
        if look.ending is not None:
            look.ending.cancel()
            look.ending = None
        look.users += 1
        try:
            yield name_of(source)
        finally:
            look.users -= 1
            if not look.users and self._looks.get(source) is look:
                look.ending = asyncio.get_running_loop().call_later(self._keep_s, self._end, source)

    def close(self) -> None:
        """Send all of them away."""
        for source in tuple(self._looks):
            self._end(source)

    def _end(self, source: str) -> None:
        look = self._looks.pop(source)
        if look.ending is not None:
            look.ending.cancel()
        self._device.remove_temporary_job(name_of(source))


def name_of(source: str) -> str:
    """Of the job; no name in a spec holds a dot."""
    return f"{WORKER}.{source}"


def is_onlooker(job: str) -> bool:
    """Whether it is one, by its name."""
    return job.startswith(name_of(""))


def onlooker(source: str, demand: Demand) -> JobPlan:
    """Where nothing but keyframes is decoded it stays so: others' frames are not touched."""
    frames_flow = not (demand.nothing or demand.keyframes_only)
    sampling = Sampling(_INTERVAL_US, on=SampleOn.FRAMES if frames_flow else SampleOn.KEYFRAMES)
    spec = JobSpec(name_of(source), (source,), (), sampling, deadline_s=_DEADLINE_S, publish_when="never")
    return JobPlan(spec, WORKER, enabled=True)
