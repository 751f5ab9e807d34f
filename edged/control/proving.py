"""Proves jobs in processes of their own before a worker meets them.

What crashes or hangs there has harmed nobody: it is blamed on the job that was being proved. Jobs
queue for one prover; while one takes long (a model that is built, an ``init`` that hangs) the others
go on in another.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections import deque
from collections.abc import Callable, Collection, Mapping

from edged.model.messages import JobSpec, Library, Proof, ProveReport, ProveRequest
from edged.model.scene import Scene
from edged.supervise.channel import Packet
from edged.supervise.heartbeat import Heartbeat
from edged.supervise.process import ChildExit, ProcessKind
from edged.supervise.supervisor import Supervisor
from edged.supervise.wire import Decoder

_DECODER = Decoder((ProveReport,))
_MAX_TRIES = 3
"""Deaths of provers for which no job is to blame."""
_PATIENCE_S = 5.0
"""One job may have the only prover to itself for so long."""
_MOST_PROVERS = 3
"""At once: each may hold a model."""

log = logging.getLogger("edged.prover")


class Proving:
    """One round: every job gets exactly one `Proof`, unless asked for again; algorithms are listed once,
    for whoever has an ``on_listed``."""

    def __init__(
        self,
        name: str,
        jobs: tuple[JobSpec, ...],
        library: Library,
        supervisor: Supervisor,
        kind: ProcessKind,
        *,
        on_proof: Callable[[Proof], None],
        on_listed: Callable[[ProveReport], None] | None,
        scenes: Mapping[str, Scene] | None = None,
    ) -> None:
        """``scenes`` are those that jobs are proved with; None: whatever zones they name, there may be."""
        self._name = name
        self._queue = deque(jobs)
        self._library = library
        self._supervisor = supervisor
        self._kind = kind
        self._on_proof = on_proof
        self._on_listed = on_listed
        self._scenes = dict(scenes or {})
        self._at: dict[str, JobSpec | None] = {}
        """What each prover is at; None: it starts, or lists the algorithms."""
        self._listed = on_listed is None
        """They are, or are being, or nobody wants to know."""
        self._skip: set[str] = set()
        """Files that the list leaves out."""
        self._provers = 0
        self._tries = 0
        self._cancelled = False

    def start(self) -> None:
        """Open the first prover."""
        self._open()

    def keep_to(self, jobs: Collection[JobSpec]) -> None:
        """Give up all others, also those that are being proved; what is asked of these goes on."""
        self._queue = deque(job for job in self._queue if _is_among(job, jobs))
        for process, job in tuple(self._at.items()):
            if job is not None and not _is_among(job, jobs):
                del self._at[process]
                self._supervisor.stop(process)
        self._go_on()

    def ask(self, job: JobSpec) -> None:
        """One `Proof` for it, unless that is under way. It may have failed before: what it needs may be there
        now."""
        under_way = [*self._queue, *(at for at in self._at.values() if at is not None)]
        if not _is_among(job, under_way):
            self._queue.append(job)
            self._go_on()

    def list_again(self) -> None:
        """There may be other algorithms by now."""
        self._listed = self._on_listed is None
        self._go_on()

    def cancel(self) -> None:
        """Nobody waits for its answers any more."""
        self._cancelled = True
        for process in self._at:
            self._supervisor.stop(process)

    def on_start(self, name: str) -> None:
        self._give_work(name)

    def on_packet(self, name: str, packet: Packet) -> None:
        for fd in packet.fds:
            os.close(fd)
        report = _DECODER.decode(packet.body)
        if not isinstance(report, ProveReport) or self._cancelled:
            return
        self._at[name] = None
        for proof in report.proofs:
            self._on_proof(proof)
        if not report.proofs and self._on_listed is not None:
            self._on_listed(report)
        self._give_work(name)

    def on_exit(self, death: ChildExit, heartbeat: Heartbeat) -> None:
        job = self._at.pop(death.name, None)
        if self._cancelled or not death.wanted:
            return
        if job is not None and death.suspects:
            error = f"while it was loaded the prover {death.reason}"
            self._on_proof(Proof(job.name, "algorithm_failed", error, final=True))
        elif job is None and death.suspects:
            self._leave_out({activity.job for activity in death.suspects})
        elif not self._may_go_on(job, death):
            return
        if self._is_work_left:
            log.warning("the prover %s; what is left is proved in a new one", death.reason)
            self._open()

    @property
    def _is_work_left(self) -> bool:
        return bool(self._queue) or not self._listed

    def _open(self) -> None:
        self._provers += 1
        process = f"prover:{self._name}.{self._provers}"
        self._at[process] = None
        self._supervisor.start(process, self._kind, self, stagger=False)

    def _go_on(self) -> None:
        """There may be work: for those that are there, if they come to it soon, else for one more."""
        if self._is_work_left and not self._at and not self._cancelled:
            self._tries = 0
            self._open()
        for process, job in self._at.items():
            if job is not None:
                asyncio.get_running_loop().call_later(_PATIENCE_S, self._relieve, process, job)

    def _give_work(self, process: str) -> None:
        """The next job; after the last the list; then it may go."""
        if process not in self._at:
            return  # it was given up
        if self._queue:
            job = self._at[process] = self._queue.popleft()
            self._supervisor.send(process, ProveRequest((job,), self._library, scenes=self._scenes))
            asyncio.get_running_loop().call_later(_PATIENCE_S, self._relieve, process, job)
        elif not self._listed:
            self._listed = True
            self._supervisor.send(process, ProveRequest((), self._library, tuple(self._skip)))
        else:
            del self._at[process]
            self._supervisor.stop(process)

    def _relieve(self, process: str, job: JobSpec) -> None:
        """Open another prover for what waits behind a job that takes long."""
        takes_long = self._at.get(process) is job and not self._cancelled
        is_room = len(self._at) < _MOST_PROVERS and None not in self._at.values()
        if takes_long and is_room and self._is_work_left:
            log.info("%s takes long to load; the others go on beside it", job.name)
            self._open()

    def _leave_out(self, files: set[str]) -> None:
        """Listing died of a file that no job needs: the next list does without it."""
        log.warning("importing %s hangs, or crashes the process", ", ".join(sorted(files)))
        self._skip |= files
        self._listed = self._on_listed is None

    def _may_go_on(self, job: JobSpec | None, death: ChildExit) -> bool:
        """A prover died and no job is to blame: try again, but not for ever."""
        if job is None:
            self._listed = self._on_listed is None
        else:
            self._queue.appendleft(job)
        self._tries += 1
        if self._tries < _MAX_TRIES:
            return True
        while self._queue:
            error = f"it could not be proved: the prover {death.reason}"
            self._on_proof(Proof(self._queue.popleft().name, "internal", error))
        return False


def _is_among(job: JobSpec, jobs: Collection[JobSpec]) -> bool:
    """Whether a proof of one of them is a proof of the job."""
    return any((job.name, job.chain) == (other.name, other.chain) for other in jobs)
