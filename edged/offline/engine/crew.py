"""How the cores are shared between decoding, inference and what goes in order. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Crew:
    """Who works on a video."""

    workers: int
    """Threads that run the beginnings of jobs, each with instances of its own; 0: no job has such a part."""
    threads: int
    """Of one run of a model at the beginning of a job."""
    later_threads: int
    """Of one run of a model further on, of which there is one at a time."""

    @property
    def ahead(self) -> int:
        """How many frames may be under way: what is done early waits for what came before it."""
        return self.workers + self.workers // 2 + 2


def crew_for(cores: int, splits: Sequence[int]) -> Crew:
    """``splits``: how many links at the beginning of each job keep no state.

    A model on one thread does more for a core than one that is spread over several, and pictures there are
    enough: so many threads as cores, and each run on one. The decoder has as many again, which sleep when
    pictures wait: whoever is slower gets the cores.
    """
    if not any(splits):
        return Crew(0, cores, cores)
    return Crew(cores, 1, max(1, cores // 2))
