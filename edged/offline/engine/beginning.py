"""The part of jobs that any thread or machine can do: the links at the beginning that keep no state."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

from edged.algorithm.frame import Frame
from edged.algorithm.loading import Catalogue
from edged.errors import AlgorithmError, EdgedError
from edged.model.detection import Outcome
from edged.model.messages import JobSpec
from edged.offline.engine.partial import Partial
from edged.worker.chain import Chain
from edged.worker.fault import describe_fault
from edged.worker.opening import Opener


def links_without_state(job: JobSpec, catalogue: Catalogue) -> int:
    """How many links at the beginning of a job's chain keep none; of one that is not there, none is known."""
    for place, link in enumerate(job.chain):
        try:
            if catalogue.find(link.algorithm).keeps_state:
                return place
        except EdgedError:
            return place  # whoever opens it says what is wrong
    return len(job.chain)


class Beginning:
    """The beginnings of all jobs, for one thread and one video. `close` it."""

    def __init__(self, jobs: Sequence[JobSpec], source: str, opener: Opener, splits: Sequence[int]) -> None:
        """Opens them. ``splits``: how many links of each job belong here. Raises `OpenFailed`."""
        self._jobs = tuple(jobs)
        self.chains: tuple[Chain, ...] = ()
        with ExitStack() as opened:
            for job, split in zip(jobs, splits, strict=True):
                chain = opener.open(job, source, slice(0, split))
                opened.callback(chain.close)
                self.chains = (*self.chains, chain)
            self._opened = opened.pop_all()

    def run(self, place: int, window: Sequence[Frame], *, keep_window: bool) -> Partial:
        """What the links at the beginning of job ``place`` find on ``window``, oldest first.

        ``keep_window``: later links read its pixels. Raises `AlgorithmError` that names the job and the time.
        """
        chain, header = self.chains[place], window[-1].header
        outcome = run_links(self._jobs[place], chain, window, None)
        kept = tuple(window) if keep_window else ()
        return Partial(place, header, outcome, kept, chain.emissions.take())

    def close(self) -> None:
        self._opened.close()


def run_links(job: JobSpec, chain: Chain, window: Sequence[Frame], before: Outcome | None) -> Outcome:
    """Run a part of a job. Raises `AlgorithmError` that names the job and the time."""
    try:
        return chain.run(window, before=before)
    except (Exception, SystemExit) as error:
        raise failure(job, window[-1].header.pts_us, error) from error


def failure(job: JobSpec, pts_us: int, error: BaseException) -> AlgorithmError:
    """What to say of an algorithm that raised."""
    code = error.code if isinstance(error, EdgedError) else "algorithm_failed"
    fault = describe_fault(error, job.hidden)
    return AlgorithmError(f"job {job.name} failed at {pts_us / 1e6:.3f} s: {fault}", code=code)
