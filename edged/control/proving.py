"""Proves jobs in a process of its own before a worker meets them.

What crashes or hangs there has harmed nobody: it is blamed on the job named in the heartbeat, and the
others are proved in a new prover.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable

from edged.model.messages import JobSpec, Library, Proof, ProveReport, ProveRequest
from edged.supervise.channel import Packet
from edged.supervise.heartbeat import Heartbeat
from edged.supervise.process import ChildExit, ProcessKind
from edged.supervise.supervisor import Supervisor
from edged.supervise.wire import Decoder

_DECODER = Decoder((ProveReport,))
_MAX_TRIES = 3

log = logging.getLogger("edged.prover")


class Proving:
    """One round: every job gets exactly one `Proof`, then the list of algorithms is asked for."""

    def __init__(
        self,
        name: str,
        jobs: tuple[JobSpec, ...],
        library: Library,
        supervisor: Supervisor,
        kind: ProcessKind,
        *,
        on_proof: Callable[[Proof], None],
        on_listed: Callable[[ProveReport], None],
    ) -> None:
        self.process = f"prover:{name}"
        self._left = {job.name: job for job in jobs}
        self._library = library
        self._supervisor = supervisor
        self._kind = kind
        self._on_proof = on_proof
        self._on_listed = on_listed
        self._tries = 0
        self._cancelled = False

    def start(self) -> None:
        self._tries += 1
        self._supervisor.start(self.process, self._kind, self, stagger=False)

    def cancel(self) -> None:
        """Nobody waits for its answers any more."""
        self._cancelled = True
        self._supervisor.stop(self.process)

    def on_start(self, name: str) -> None:
        if self._left:
            self._supervisor.send(name, ProveRequest(tuple(self._left.values()), self._library))
        self._supervisor.send(name, ProveRequest((), self._library))

    def on_packet(self, name: str, packet: Packet) -> None:
        for fd in packet.fds:
            os.close(fd)
        report = _DECODER.decode(packet.body)
        if not isinstance(report, ProveReport) or self._cancelled:
            return
        for proof in report.proofs:
            self._answer(proof)
        if not report.proofs:
            self._supervisor.stop(self.process)
            self._on_listed(report)

    def on_exit(self, death: ChildExit, heartbeat: Heartbeat) -> None:
        if self._cancelled or not death.wanted:
            return
        suspects = [activity.job for activity in death.suspects if activity.job in self._left]
        for job in suspects:
            self._answer(Proof(job, "algorithm_failed", f"while it was loaded the prover {death.reason}"))
        if not suspects and self._tries >= _MAX_TRIES:
            for job in tuple(self._left):
                self._answer(Proof(job, "internal", f"it could not be proved: the prover {death.reason}"))
            return
        log.warning("the prover %s; the jobs left are proved in a new one", death.reason)
        self._tries = self._tries + 1 if not suspects else self._tries
        self._supervisor.start(self.process, self._kind, self, stagger=False)

    def _answer(self, proof: Proof) -> None:
        if self._left.pop(proof.job, None) is not None:
            self._on_proof(proof)
