"""The part of jobs that goes in order: the links that keep state, numbers, and which results are wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from edged.errors import AlgorithmError
from edged.model.detection import Outcome
from edged.model.messages import JobSpec, Numbering
from edged.offline.engine.beginning import failure, run_links
from edged.offline.engine.partial import Partial
from edged.offline.engine.result import Event, Result, make_event, make_result
from edged.worker.chain import Chain, Emitted
from edged.worker.changes import discrete, is_wanted
from edged.worker.encoding import Origin
from edged.worker.opening import Opener


@dataclass(slots=True)
class _Course:
    """One job on its way through one video."""

    job: JobSpec
    chain: Chain
    origin: Origin
    seq: int = 0
    event: int = 0
    sent: object = None
    """`discrete` of the last result that was wanted."""


@dataclass(frozen=True, slots=True)
class Concluded:
    """One run to its end."""

    partial: Partial
    outcome: Outcome
    result: Result

    @property
    def is_told(self) -> bool:
        """Whether anybody asked for it."""
        return self.result.wanted or bool(self.result.events)


class Conclusion:
    """The rest of all jobs, for one video. `close` it."""

    def __init__(
        self,
        jobs: Sequence[JobSpec],
        source: str,
        opener: Opener,
        splits: Sequence[int],
        *,
        device: str = "",
        after: Mapping[str, Numbering] | None = None,
    ) -> None:
        """Opens them. ``splits``: how many links of each job ran before; ``after``: by job, the numbers that
        were given out already. Raises `OpenFailed`.
        """
        self._courses: list[_Course] = []
        with ExitStack() as opened:
            for job, split in zip(jobs, splits, strict=True):
                chain = opener.open(job, source, slice(split, None))
                opened.callback(chain.close)
                given = (after or {}).get(job.name, Numbering())
                chain.track_ids.go_on_after(given.track_id)
                origin = Origin(device, job.name, source, "")
                self._courses.append(_Course(job, chain, origin, given.seq, given.event))
            self._opened = opened.pop_all()

    @property
    def chains(self) -> tuple[Chain, ...]:
        return tuple(course.chain for course in self._courses)

    def reads_pixels(self, place: int) -> bool:
        """Whether the rest of job ``place`` looks at the pixels of windows."""
        return self._courses[place].chain.reads_pixels

    def conclude(self, partial: Partial) -> Concluded:
        """Call it in the order of the video. Raises `AlgorithmError` that names the job and the time."""
        course = self._courses[partial.job]
        outcome = run_links(course.job, course.chain, partial.frames, partial.outcome)
        emitted = (*partial.events, *course.chain.emissions.take())
        try:
            return Concluded(partial, outcome, _numbered(course, partial, outcome, emitted))
        except AlgorithmError as error:
            raise failure(course.job, partial.header.pts_us, error) from error

    def close(self) -> None:
        self._opened.close()


def _numbered(course: _Course, partial: Partial, outcome: Outcome, emitted: Sequence[Emitted]) -> Result:
    """Numbers are used up only by what is told."""
    when = course.job.publish_when
    wanted = is_wanted(when, outcome, course.sent)
    events = _events(course, partial, emitted) if when != "never" else ()
    result = make_result(course.origin, course.seq + wanted, partial.header, outcome, events, wanted=wanted)
    course.seq += wanted
    course.event += len(events)
    if wanted and when == "change":
        course.sent = discrete(outcome)
    return result


def _events(course: _Course, partial: Partial, emitted: Sequence[Emitted]) -> tuple[Event, ...]:
    return tuple(
        make_event(course.origin, course.event + number, partial.header, event)
        for number, event in enumerate(emitted, 1)
    )
