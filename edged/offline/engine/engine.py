"""The jobs of a spec over videos, as fast as the machine goes: the same results as in realtime."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from edged.algorithm.runtime import OnBuild
from edged.model.intake import Intake
from edged.model.messages import JobSpec, Library, Numbering
from edged.model.scene import Scene
from edged.offline.engine.beginning import Beginning, links_without_state
from edged.offline.engine.belt import BeltEnd
from edged.offline.engine.concluding import Concluded, Conclusion
from edged.offline.engine.crew import crew_for
from edged.offline.engine.ends import Ends
from edged.offline.engine.hook import AnalyzedFrame, Hook, checked
from edged.offline.engine.kept_sessions import KeptSessions
from edged.offline.engine.pipeline import Moment, Pipeline
from edged.offline.engine.result import Event, Progress, Result
from edged.offline.films.painting import Painter
from edged.offline.films.recording import Recorder
from edged.offline.reading.footage import open_video
from edged.offline.reading.reader import Reader, Span
from edged.worker.opening import Opener
from edged.worker.surroundings import Surroundings

__all__ = ["AnalyzedFrame", "Engine", "Event", "Hook", "Progress", "Result", "Setup", "Span"]

OnProgress = Callable[[Progress], None]

_TELL_AGAIN_S = 0.5


@dataclass(frozen=True, slots=True)
class Setup:
    """What runs over videos."""

    jobs: tuple[JobSpec, ...]
    library: Library
    scene: Scene | None = None
    """Zones, lines and masks of the videos; None: nothing is known of them."""
    device: str = ""
    """In results."""
    source: str = "video"
    """In results, where the video has no name of its own."""
    intake: Intake = Intake()  # noqa: RUF009 - it is frozen


@dataclass(frozen=True, slots=True)
class Coming:
    """A video that will be asked for."""

    url: str
    source: str
    span: Span


class AnyEngine(Protocol):
    """What gives results of videos, here or elsewhere: entered and left as a context."""

    def __enter__(self) -> Self:
        """Raises `EdgedError` for jobs that do not load."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def expect(self, videos: Sequence[Coming]) -> None:
        """These will be asked for next, in this order."""

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
        """As `Engine.results` has it."""


@dataclass(frozen=True, slots=True)
class _Cast:
    """The chains for one video."""

    source: str
    beginnings: tuple[Beginning, ...]
    conclusion: Conclusion

    def close(self) -> None:
        self.conclusion.close()
        for beginning in self.beginnings:
            beginning.close()


class Engine:
    """``with Engine(setup) as engine:`` Models are loaded once, for any number of videos, one at a time."""

    def __init__(
        self,
        setup: Setup,
        *,
        threads: int | None = None,
        on_build: OnBuild = lambda what: nullcontext(),
    ) -> None:
        """``threads``: cores to use; None: all that this process may. ``on_build`` is entered while an engine
        may be built of a model.
        """
        self._setup = setup
        self._on_build = on_build
        self._cores = threads or len(os.sched_getaffinity(0))
        self._ready: _Cast | None = None

    def __enter__(self) -> Self:
        """Loads all jobs. Raises `OpenFailed`."""
        setup = self._setup
        self._opener = Opener(setup.library, on_build=self._on_build)
        self.splits = tuple(links_without_state(job, self._opener.catalogue) for job in setup.jobs)
        """Of each job, how many links at its beginning keep no state."""
        self._crew = crew_for(self._cores, self.splits)
        self._early = KeptSessions.of(setup.library, self._crew.threads, self._on_build)
        self._late = self._early
        if self._crew.later_threads != self._crew.threads:
            self._late = KeptSessions.of(setup.library, self._crew.later_threads, self._on_build)
        self._ready = self._cast(setup.source, {})
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._ready is not None:
            self._ready.close()
            self._ready = None

    def expect(self, videos: Sequence[Coming]) -> None:
        """Nothing to do before their turn: one video keeps all cores busy."""

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
        """What the jobs find in a video, in its order. Close it if you do not want all: then its threads end,
        and the recording holds what was given until then.

        ``on_frame`` and ``on_progress`` are called in the caller's thread. ``after``: by job, the numbers to
        go on from. Raises `SourceUnavailable`, also at the place where a video breaks off,
        `SourceUnsupported`, `AlgorithmError` that names the job and the time, and OSError for a recording
        that cannot be written.
        """
        with ExitStack() as stack:
            video = stack.enter_context(open_video(url))
            cast = self._take_cast(source or self._setup.source, after or {})
            stack.callback(cast.close)
            every_frame = record is not None or on_frame is not None
            samplings = [job.sampling for job in self._setup.jobs]
            intake = self._setup.intake
            reader = Reader(video, samplings, every_frame=every_frame, span=span, intake=intake)
            recorder = None
            if record is not None:
                recorder = stack.enter_context(Recorder(record, video.fps, url))
            pipeline = stack.enter_context(self._pipeline(reader, cast, every_frame=every_frame))
            showing = _Showing(on_frame, recorder)
            moments = _followed(pipeline, reader, video.seconds, on_progress)
            ends = Ends(self._setup.device, after or {})
            yield from ends.follow(showing.runs(moments))

    def _pipeline(self, reader: Reader, cast: _Cast, *, every_frame: bool) -> Pipeline:
        return Pipeline(
            self._setup.jobs,
            reader,
            cast.beginnings,
            cast.conclusion,
            self._crew,
            splits=self.splits,
            scene=self._setup.scene,
            painter=self._painter(cast) if every_frame else None,
        )

    def _take_cast(self, source: str, after: Mapping[str, Numbering]) -> _Cast:
        """That which was loaded first serves the first video of its name."""
        ready, self._ready = self._ready, None
        if ready is not None and ready.source == source and not after:
            return ready
        if ready is not None:
            ready.close()
        return self._cast(source, after)

    def _cast(self, source: str, after: Mapping[str, Numbering]) -> _Cast:
        setup = self._setup
        around = Surroundings()
        if setup.scene is not None:
            around.show({source: setup.scene})
        early = self._opener.beside(around, self._early)
        late = self._opener.beside(around, self._late)
        with ExitStack() as opened:
            beginnings: list[Beginning] = []
            for _ in range(self._crew.workers):
                beginnings.append(Beginning(setup.jobs, source, early, self.splits))
                opened.callback(beginnings[-1].close)
            conclusion = Conclusion(setup.jobs, source, late, self.splits, device=setup.device, after=after)
            opened.pop_all()
        return _Cast(source, tuple(beginnings), conclusion)

    def _painter(self, cast: _Cast) -> Painter:
        early = cast.beginnings[0].chains if cast.beginnings else ()
        chains = [(*early[place : place + 1], late) for place, late in enumerate(cast.conclusion.chains)]
        return Painter(self._setup.jobs, self._setup.scene, chains)


class _Showing:
    """What becomes of frames, in the caller's thread."""

    def __init__(self, hook: Hook | None, recorder: Recorder | None) -> None:
        self._hook = hook
        self._recorder = recorder
        self._newest: dict[str, Result] = {}

    def runs(self, moments: Iterable[Moment]) -> Generator[Concluded]:
        """Those of each, once it was shown."""
        for moment in moments:
            self._show(moment)
            yield from moment.runs

    def _show(self, moment: Moment) -> None:
        if moment.frame is None or moment.painting is None:
            return
        picture = None
        fresh = tuple(run.result for run in moment.runs)
        self._newest.update((result.job, result) for result in fresh)
        if self._hook is not None:
            frame = AnalyzedFrame(moment.frame, moment.painting, dict(self._newest), fresh)
            picture = checked(self._hook(frame), frame)
        if self._recorder is not None:
            self._recorder.add(moment.frame, moment.painting, picture)


def _followed(
    pipeline: Pipeline, reader: Reader, duration_s: float, on_progress: OnProgress
) -> Generator[Moment]:
    """All moments; tells how far they are."""
    progress = Progress(0.0, duration_s, 0, 0)
    looked = 0
    while True:
        on_progress(progress)
        try:
            moment = pipeline.moments.take(_TELL_AGAIN_S)
        except TimeoutError:
            progress = replace(progress, stall=pipeline.in_hand.stall())
            continue
        except BeltEnd:
            at_s = max(reader.counts.pts_us / 1e6, progress.at_s)
            on_progress(Progress(at_s, duration_s, reader.counts.packets, looked))
            return
        looked += len(moment.runs)
        header = moment.header
        progress = Progress(header.pts_us / 1e6, duration_s, header.index + 1, looked)
        yield moment
