"""Proofs for whoever waits for them: each job proved once, in processes of its own, within a time."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping

from edged.control.proving import Proving
from edged.model.messages import JobSpec, Library, Proof
from edged.model.scene import Scene
from edged.supervise.process import ProcessKind
from edged.supervise.supervisor import Supervisor

_ROUNDS = itertools.count(1)
"""Processes have names, and no two of them the same."""


class ProofDesk:
    """Every call is a round of its own; a round that is cancelled leaves no process behind."""

    def __init__(self, supervisor: Supervisor, kind: ProcessKind) -> None:
        self._supervisor = supervisor
        self._kind = kind

    async def prove(
        self,
        jobs: tuple[JobSpec, ...],
        library: Library,
        within_s: float,
        scenes: Mapping[str, Scene] | None = None,
    ) -> tuple[Proof, ...]:
        """One `Proof` for each job, in their order; ``timeout`` for those that took longer. With ``scenes``
        they must fit those, too.
        """
        if not jobs:
            return ()
        proofs: dict[str, Proof] = {}
        all_there = asyncio.Event()

        def note(proof: Proof) -> None:
            proofs[proof.job] = proof
            if len(proofs) == len(jobs):
                all_there.set()

        name = f"twin-{next(_ROUNDS)}"
        proving = Proving(
            name,
            jobs,
            library,
            self._supervisor,
            self._kind,
            on_proof=note,
            on_listed=None,
            scenes=scenes,
        )
        proving.start()
        try:
            async with asyncio.timeout(within_s):
                await all_there.wait()
        except TimeoutError:
            late = f"it was not proved within {within_s:g} s"
            return tuple(proofs.get(job.name, Proof(job.name, "timeout", late)) for job in jobs)
        finally:
            proving.cancel()
        return tuple(proofs[job.name] for job in jobs)
