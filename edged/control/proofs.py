"""Which jobs were proved, so that none is proved twice: also when a change is taken back."""

from __future__ import annotations

from collections import deque

from edged.model.messages import JobSpec, LinkSpec

_KEPT = 512


class Proofs:
    """Of one library. Keeps the newest 512; a job that was proved longer ago is proved once more."""

    def __init__(self) -> None:
        self._chains: deque[tuple[str, tuple[LinkSpec, ...]]] = deque(maxlen=_KEPT)

    def holds(self, job: JobSpec) -> bool:
        """Whether the job's algorithms were loaded once with the same params, whatever its sampling."""
        return (job.name, job.chain) in self._chains

    def add(self, job: JobSpec) -> None:
        """They were just now."""
        if self.holds(job):
            self._chains.remove((job.name, job.chain))
        self._chains.append((job.name, job.chain))

    def clear(self) -> None:
        """Other folders: other algorithms, other models."""
        self._chains.clear()
