"""All jobs that main knows: those of the plan, and for a while some that are in none."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from edged.control.job import JobRecord
from edged.control.proofs import Proofs
from edged.model.messages import JobSpec, Numbering
from edged.model.sampling import Sampling
from edged.planning.plan import JobPlan


class JobTable:
    """By name. Every way in which a job is ever specified gets a number of its own."""

    def __init__(self) -> None:
        self.records: dict[str, JobRecord] = {}
        self.temporary: dict[str, JobRecord] = {}
        """Their names hold a dot, which no name in a spec does; nothing of them is published."""
        self._proofs = Proofs()
        self._versions = itertools.count(1)

    # ---- who ----

    def find(self, name: str) -> JobRecord | None:
        return self.records.get(name) or self.temporary.get(name)

    def __iter__(self) -> Iterator[JobRecord]:
        yield from self.records.values()
        yield from self.temporary.values()

    def of_worker(self, worker: str) -> tuple[JobRecord, ...]:
        return tuple(job for job in self if job.plan.worker == worker)

    def running(self, worker: str, name: str) -> JobRecord | None:
        """None when that worker should not have it (any more): what it says of it is of the past."""
        job = self.find(name)
        is_its = job is not None and job.plan.worker == worker and job.running is not None
        return job if is_its else None

    def workers(self) -> frozenset[str]:
        """Those that have a job to run, or will have when it is proved."""
        return frozenset(job.plan.worker for job in self if job.plan.enabled)

    def samplings_on(self, source: str) -> Iterator[tuple[str, Sampling]]:
        """Who looks at a source: the worker and the sampling of each job."""
        for job in self:
            for spec in job.sampled:
                if source in spec.sources:
                    yield job.plan.worker, spec.sampling

    # ---- what should be ----

    def put(self, plan: JobPlan, numbering: Mapping[str, Numbering]) -> JobRecord:
        """Specify a job, perhaps anew; ``numbering`` is where one that was not there goes on."""
        before, version = self.records.get(plan.spec.name), next(self._versions)
        proved = self.is_proved(plan.spec)
        if before is not None:
            record = before.succeed(plan, version, proved=proved)
        else:
            record = JobRecord(plan, version, state_version=version, numbering=dict(numbering), proved=proved)
        self.records[record.name] = record
        return record

    def restart(self, job: JobRecord) -> JobRecord:
        """The same, to be loaded anew; what runs, runs on until that is done."""
        version = next(self._versions)
        record = job.succeed(job.plan, version, proved=job.proved, load=version)
        record.numbering = {
            source: replace(numbers, counts="") for source, numbers in record.numbering.items()
        }
        self.records[job.name] = record
        return record

    def put_temporary(self, plan: JobPlan) -> None:
        """Runs without proof. Raises ValueError for a name that a spec could have, too."""
        if "." not in plan.spec.name:
            raise ValueError(f"{plan.spec.name!r} could be a name in a spec: put a dot into it")
        version = next(self._versions)
        self.temporary[plan.spec.name] = JobRecord(plan, version, state_version=version, proved=True)

    # ---- proofs ----

    def is_proved(self, job: JobSpec) -> bool:
        """Whether its algorithms are known to load with these params, whatever its sampling."""
        return self._proofs.holds(job)

    def unproved(self) -> tuple[JobRecord, ...]:
        return tuple(job for job in self.records.values() if job.plan.enabled and not job.proved)

    def note_proofs(self, proved: Collection[JobSpec]) -> None:
        for job in proved:
            self._proofs.add(job)

    def doubt_all(self) -> None:
        """The library is another: what runs, runs on, but nothing can be taken as proved."""
        self._proofs.clear()
