"""One job in its worker: the spec that is wanted of it, and what runs."""

from __future__ import annotations

from edged.model.messages import JobSpec, JobState, Library
from edged.worker.failures import Failures
from edged.worker.lane import Lane
from edged.worker.loader import Order
from edged.worker.tally import Tally


class Job:
    """Its lanes are of the spec that is wanted, or of the one before."""

    def __init__(self, spec: JobSpec, now_ns: int) -> None:
        self.wanted = spec
        self.wanted_ns = now_ns
        self.lanes: dict[str, Lane] = {}
        self.tally = Tally(now_ns, spec.version)
        self.state = JobState.STARTING
        self.told_version: int | None = None
        """Of which `state` was reported."""
        self.order: Order | None = None
        """Being carried out."""
        self.loading = Failures()
        self.retry_ns: int | None = None
        """When loading is tried again."""

    @property
    def failing(self) -> bool:
        """Whether a lane is backing off."""
        return any(lane.failures.failing for lane in self.lanes.values())

    @property
    def again_ns(self) -> int:
        """Monotonic: when the first of what failed is tried again; 0: nothing waits."""
        waiting = (self.retry_ns or 0, *(lane.failures.again_ns for lane in self.lanes.values()))
        return min((again_ns for again_ns in waiting if again_ns), default=0)

    def same_algorithms(self, spec: JobSpec) -> bool:
        """Whether the lanes that run would serve ``spec`` too."""
        lane = next(iter(self.lanes.values()), None)
        return lane is not None and _loads_as(lane.spec, spec)

    def loads_for(self, spec: JobSpec, library: Library) -> bool:
        """Whether what is being loaded would serve ``spec`` too."""
        order = self.order
        return order is not None and _loads_as(order.job, spec) and order.library == library


def _loads_as(one: JobSpec, other: JobSpec) -> bool:
    return (one.chain, one.load) == (other.chain, other.load)
