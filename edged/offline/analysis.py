"""`edged analyze`: one video after the other through the engine, and what is found into a sink."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import TypeAlias

from edged.algorithm.runtime import OnBuild
from edged.errors import EdgedError
from edged.model.analyzing import (
    AlgorithmSaid,
    AnalysisRequest,
    AnalysisUpdate,
    VideoBegan,
    VideoEnded,
    VideoFile,
    VideoProgress,
    Where,
)
from edged.model.messages import JobSpec, Numbering
from edged.model.redact import redact_text, redact_url
from edged.offline.cluster.ray_cluster import require_ray
from edged.offline.cluster.ray_engine import RayEngine
from edged.offline.continuing import can_go_on
from edged.offline.engine.engine import AnyEngine, Coming, Engine, Progress, Result, Setup
from edged.offline.engine.stall import Attention, Stall
from edged.offline.films.film_cut import FilmCut
from edged.offline.journal import Done
from edged.offline.object_store import openable
from edged.offline.reading.reader import Span
from edged.offline.sinks.piece import Piece
from edged.offline.sinks.sink import Sink
from edged.offline.sinks.tail import Tail
from edged.offline.telling import pieces_of

_EXPECTED = 16
"""Videos that an engine may begin with before their turn."""

Tell: TypeAlias = Callable[[AnalysisUpdate], None]
Waiting: TypeAlias = Callable[[], AbstractContextManager[None]]
"""``with waiting():`` and in it whatever an end that is ordered may interrupt."""


@dataclass(slots=True)
class _Course:
    """One video on its way."""

    place: int
    video: VideoFile
    tail: Tail
    results: int = 0
    frames: int = 0
    at_us: int = 0
    duration_us: int = 0
    opened: str = ""
    """What FFmpeg was given: it may be a secret."""
    stall: Stall | None = None
    attention: Attention = field(default_factory=Attention)

    def note(self, progress: Progress) -> None:
        self.at_us = round(progress.at_s * 1e6)
        self.duration_us = round(progress.duration_s * 1e6)
        self.frames = progress.frames
        self.stall = progress.stall

    def progress(self) -> VideoProgress:
        waits_for, waits_s = (self.stall.job, self.stall.lasts_s) if self.stall is not None else ("", 0.0)
        return VideoProgress(
            self.place, self.at_us, self.duration_us, self.frames, self.results, waits_for, waits_s
        )


class _VideoFailed(Exception):
    """Of one video, not of where its results go."""

    def __init__(self, error: EdgedError | OSError) -> None:
        super().__init__(str(error))
        self.error = error


class Analysis:
    """All videos of a request."""

    def __init__(
        self, request: AnalysisRequest, sink: Sink, tell: Tell, waiting: Waiting, on_build: OnBuild
    ) -> None:
        """``tell`` is called from any thread, and often."""
        self._request = request
        self._sink = sink
        self._tell = tell
        self._waiting = waiting
        self._engines = Engines(request, on_build)

    def run(self) -> None:
        """Raises `EdgedError` and OSError for what ends all of it: jobs that cannot be loaded, results that
        cannot be written. What is wrong with one video is told, and the next has its turn.
        """
        if self._request.cluster is not None:
            require_ray()  # before anything is written
        begins_anew = self._sink.prepare()
        with self._engines:
            if begins_anew:
                with self._waiting():  # jobs that cannot be loaded cost nobody the results of before
                    self._engines.engine_for(self._request.videos[0])
                self._sink.clear()
            for place, video in enumerate(self._request.videos):
                self._one(place, video)
        self._sink.finish(all_done=True)

    def _one(self, place: int, video: VideoFile) -> None:
        left = self._sink.begin(video)
        if isinstance(left, Done):
            self._tell(VideoEnded(place, left.frames, left.results, left.error, earlier=True))
            return
        with self._waiting():
            engine = self._engines.engine_for(video)
            self._engines.expect_after(place)
        course = _Course(place, video, self._where_to_begin(place, video, left))
        error = self._follow(engine, course)
        self._tell(course.progress())
        self._sink.end(Done(video.source, 0, course.results, course.frames, error))
        self._tell(VideoEnded(place, course.frames, course.results, error))

    def _where_to_begin(self, place: int, video: VideoFile, left: Tail) -> Tail:
        goes_on = left.at_us is not None
        if goes_on and (left.has_begun or not can_go_on(video, self._request)):
            self._sink.begin_again()
            self._tell(VideoBegan(place, again=True))
            return Tail(0)
        self._tell(VideoBegan(place, left.at_us or 0))
        return left

    def _follow(self, engine: AnyEngine, course: _Course) -> str:
        """What ended it before its end; empty: nothing."""
        course.results = course.tail.results
        results = self._results(engine, course)
        try:
            while (result := self._next(results, course)) is not None:
                for piece in pieces_of(result):
                    self._write(piece, course)
        except _VideoFailed as failed:
            return _reason(failed.error, course)
        finally:
            self._close(results, course)
        return ""

    def _next(self, results: Iterator[Result], course: _Course) -> Result | None:
        try:
            with self._waiting():
                return next(results, None)
        except FilmCut as cut:
            if cut.is_for_lack_of_room:
                raise self._no_room(cut, course) from cut
            raise _VideoFailed(cut) from cut
        except (EdgedError, OSError) as error:
            raise _VideoFailed(error) from error

    def _close(self, results: Generator[Result], course: _Course) -> None:
        """Before its end: the film, too, ends there, and may find no room for it."""
        try:
            results.close()
        except FilmCut as cut:
            if cut.is_for_lack_of_room:
                raise self._no_room(cut, course) from cut
            raise

    def _no_room(self, cut: FilmCut, course: _Course) -> EdgedError:
        """The videos that follow would fare no better: that ends all of it."""
        mend = "go on with --resume" if self._is_kept else "begin again"
        return EdgedError(f"{_reason(cut, course)}: make room, then {mend}")

    @property
    def _is_kept(self) -> bool:
        """And can be gone on with."""
        return self._request.where in (Where.FILE, Where.FOLDER)

    def _write(self, piece: Piece, course: _Course) -> None:
        self._sink.write(piece)
        course.results += not piece.is_event

    def _waiting_line(self, stall: Stall | None, course: _Course) -> str:
        mend = "Ctrl-C ends it, and --resume goes on there" if self._is_kept else "Ctrl-C ends it"
        return f"{course.video.name}: {stall}; {mend}"

    def _results(self, engine: AnyEngine, course: _Course) -> Generator[Result]:
        video, request = course.video, self._request
        start_us = max(request.start_us, course.tail.at_us or 0)

        def note(progress: Progress) -> None:
            if course.attention.is_new(progress.stall):
                self._tell(AlgorithmSaid(self._waiting_line(progress.stall, course)))
            course.note(progress)
            self._tell(course.progress())

        course.opened = self._engines.address_of(video)
        yield from engine.results(
            course.opened,
            source=video.source,
            span=Span(start_us, request.end_us),
            record=Path(video.record) if video.record else None,
            on_progress=note,
            after=_numbers(course),
        )


@dataclass(slots=True)
class Engines:
    """The engine of one video after the other; videos in a row that need the same share it."""

    request: AnalysisRequest
    on_build: OnBuild
    _opened: ExitStack = field(default_factory=ExitStack)
    _engine: AnyEngine | None = None
    _of: object = None
    _addresses: dict[str, str] = field(default_factory=dict, repr=False)

    def __enter__(self) -> None:
        """Nothing is loaded before it is needed."""

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def engine_for(self, video: VideoFile) -> AnyEngine:
        """Raises `EdgedError` for jobs that cannot be loaded."""
        needed = (video.jobs, video.scene, video.intake)
        if self._engine is None or self._of != needed:
            self._opened.close()
            setup = Setup(
                jobs=jobs_of(video, self.request),
                library=self.request.library,
                scene=video.scene,
                device=self.request.device,
                source=video.source,
                intake=video.intake,
            )
            self._engine = engine = self._made(setup)
            self._opened.enter_context(engine)
            self._of = needed
        return self._engine

    def expect_after(self, place: int) -> None:
        """An engine with many workers may begin with what follows ``place`` and needs the same."""
        if self._engine is None or self.request.cluster is None:
            return
        following = takewhile(
            lambda video: (video.jobs, video.scene, video.intake) == self._of,
            self.request.videos[place + 1 : place + 1 + _EXPECTED],
        )
        span = Span(self.request.start_us, self.request.end_us)
        self._engine.expect([Coming(self.address_of(video), video.source, span) for video in following])

    def address_of(self, video: VideoFile) -> str:
        """What FFmpeg is given: the same each time, though signing an object's gives another each time."""
        if video.url not in self._addresses:
            self._addresses[video.url] = openable(video.url)
        return self._addresses[video.url]

    def _made(self, setup: Setup) -> AnyEngine:
        if self.request.cluster is not None:
            return RayEngine(setup, self.request.cluster)
        return Engine(setup, threads=self.request.threads, on_build=self.on_build)


def jobs_of(video: VideoFile, request: AnalysisRequest) -> tuple[JobSpec, ...]:
    """Those that run over it."""
    return tuple(job for job in request.jobs if job.name in video.jobs)


def _numbers(course: _Course) -> dict[str, Numbering]:
    """Those that were given out already, by job."""
    tail = course.tail
    return {
        name: Numbering(seq=tail.seqs.get(name, 0), event=tail.event_seqs.get(name, 0))
        for name in course.video.jobs
    }


def _reason(error: Exception, course: _Course) -> str:
    """In one line, and without what is secret in an address, or said beside it anyway."""
    if isinstance(error, OSError):
        name = f"{error.filename}: " if error.filename else ""
        return f"{name}{error.strerror or error}"
    text = redact_text(str(error), course.opened)
    text = text.replace(redact_url(course.opened) or course.video.name, course.video.name)
    name, text = " ".join(course.video.name.split()), " ".join(text.split())
    if text.startswith(f"{name} "):
        return f"it {text.removeprefix(name).lstrip()}"
    return text.removeprefix(f"{name}: ")
