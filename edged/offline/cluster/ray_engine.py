"""The engine that spreads videos over the workers of a cluster: the same results, in the same order."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Hashable, Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from edged.errors import EdgedError
from edged.model.analyzing import ClusterOrder
from edged.model.messages import Numbering
from edged.offline.cluster.luggage import pack
from edged.offline.cluster.part_worker import Answer, PartWorker
from edged.offline.cluster.ray_cluster import RayCluster
from edged.offline.cluster.roster import Roster, Task
from edged.offline.cluster.share import parts_of
from edged.offline.engine.beginning import links_without_state
from edged.offline.engine.concluding import Concluded, Conclusion
from edged.offline.engine.ends import Ends
from edged.offline.engine.engine import Coming, OnProgress, Setup
from edged.offline.engine.hook import Hook
from edged.offline.engine.result import Progress, Result
from edged.offline.reading.reader import Span
from edged.worker.opening import Opener
from edged.worker.surroundings import Surroundings


class RayEngine:
    """``with RayEngine(setup, order) as engine:`` as `Engine`, but for films and hooks.

    Jobs whose links keep state only after those that read pixels are spread in parts of each video; a job
    that cannot be shared so, one that begins with a tracker or is gated by motion, takes a worker for a
    whole video.
    """

    def __init__(self, setup: Setup, order: ClusterOrder) -> None:
        self._setup = setup
        self._order = order
        self._coming: deque[Coming] = deque()
        self._planned: dict[Coming, int] = {}
        """How many parts it has."""
        self._opened = ExitStack()

    def __enter__(self) -> Self:
        """Raises `EdgedError` where there is no Ray or no cluster, `OpenFailed` for jobs that do not load."""
        setup = self._setup
        with ExitStack() as opened:
            self._opener = Opener(setup.library)
            self._splits = tuple(links_without_state(job, self._opener.catalogue) for job in setup.jobs)
            self._shared = self._can_be_shared()
            threads = max(1, int(self._order.cpus))
            arguments = (setup, pack(setup.jobs, setup.library), threads)
            self._cluster = opened.enter_context(RayCluster(self._order, PartWorker, arguments))
            roster = Roster(self._cluster, self._cluster.workers, self._plan_next)
            self._roster = opened.enter_context(roster)
            self._opened = opened.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.close()

    @property
    def workers_lost(self) -> int:
        """How many died so far; their shares were done again."""
        return self._roster.lost

    def expect(self, videos: Sequence[Coming]) -> None:
        """Workers with nothing else to do begin with them."""
        self._coming = deque(video for video in videos if video not in self._planned)

    def results(
        self,
        url: str | Path,
        *,
        source: str | None = None,
        span: Span | None = None,
        record: Path | None = None,
        on_frame: Hook | None = None,
        on_progress: OnProgress = lambda progress: None,
        after: Mapping[str, Numbering] | None = None,
    ) -> Generator[Result]:
        """As `Engine.results`. Raises `EdgedError` for ``record`` and ``on_frame``."""
        if record is not None or on_frame is not None:
            raise EdgedError("films and on_frame need every picture here: use the local engine for them")
        video = Coming(str(url), source or self._setup.source, span or Span())
        if video in self._coming:
            self._coming.remove(video)
        if video not in self._planned:
            self._plan(video)
        try:
            yield from self._concluded(video, after or {}, on_progress)
        finally:
            del self._planned[video]
            self._roster.forget(lambda key: isinstance(key, tuple) and key[0] == video)

    def _concluded(
        self, video: Coming, after: Mapping[str, Numbering], on_progress: OnProgress
    ) -> Generator[Result]:
        answers = self._answers(video, on_progress)
        if not self._shared:
            for answer in answers:
                yield from answer.results
            return
        with closing(self._conclusion(video.source, after)) as conclusion:
            yield from Ends(self._setup.device, after).follow(_runs(answers, conclusion))

    def _answers(self, video: Coming, on_progress: OnProgress) -> Generator[Answer]:
        progress = Progress(0.0, 0.0, 0, 0)
        for number in range(self._planned[video]):
            answer: Answer = self._roster.take((video, number), partial(on_progress, progress))
            progress = _progress(answer, progress)
            yield answer
            on_progress(progress)
            if answer.fault is not None:
                raise answer.fault.error()

    def _can_be_shared(self) -> bool:
        """Whether only headers and findings have to travel, and nothing must be seen in order."""
        if any(job.gate is not None for job in self._setup.jobs) or not all(self._splits):
            return False
        conclusion = self._conclusion(self._setup.source, {})
        try:
            return not any(conclusion.reads_pixels(place) for place in range(len(self._setup.jobs)))
        finally:
            conclusion.close()

    def _conclusion(self, source: str, after: Mapping[str, Numbering]) -> Conclusion:
        setup, around = self._setup, Surroundings()
        if setup.scene is not None:
            around.show({source: setup.scene})
        opener = self._opener.beside(around, self._opener.sessions)
        return Conclusion(setup.jobs, source, opener, self._splits, device=setup.device, after=after)

    # ---- tasks ----

    def _plan_next(self) -> None:
        if self._coming and self._roster.room > 0:
            self._plan(self._coming.popleft())

    def _plan(self, video: Coming) -> None:
        parts = parts_of(video.url, video.span, self._cluster.workers) if self._shared else (video.span,)
        self._planned[video] = len(parts)
        for number, part in enumerate(parts):
            self._roster.add(Task((video, number), _Call(video, part, shared=self._shared)))


@dataclass(frozen=True, slots=True)
class _Call:
    video: Coming
    part: Span
    shared: bool

    def __call__(self, actor: Any) -> Hashable:
        method = actor.part if self.shared else actor.whole
        reference: Hashable = method.remote(self.video.url, self.video.source, self.part)
        return reference


def _runs(answers: Iterable[Answer], conclusion: Conclusion) -> Generator[Concluded]:
    """Frame by frame: of one on which a job fails, nothing is told."""
    for answer in answers:
        for _, partials in groupby(answer.partials, key=lambda partial: partial.header.index):
            yield from [conclusion.conclude(each) for each in partials]


def _progress(answer: Answer, before: Progress) -> Progress:
    looked = before.looked + (len(answer.partials) or len(answer.results))
    at_us = answer.partials[-1].header.pts_us if answer.partials else 0
    at_s = max((result.pts for result in answer.results), default=at_us / 1e6)
    return Progress(
        max(at_s, before.at_s), answer.seconds or before.duration_s, max(answer.frames, before.frames), looked
    )
