"""What one worker of a cluster does: the beginnings of jobs over a part of a video, or whole videos."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import cv2

from edged.errors import AlgorithmError, EdgedError, SourceUnavailable, SourceUnsupported
from edged.offline.cluster.luggage import Luggage, unpack
from edged.offline.engine.beginning import Beginning, links_without_state
from edged.offline.engine.engine import Engine, Setup
from edged.offline.engine.kept_sessions import KeptSessions
from edged.offline.engine.partial import Partial
from edged.offline.engine.result import Result
from edged.offline.reading.covering import Covering
from edged.offline.reading.footage import Video, open_video
from edged.offline.reading.reader import Look, Reader, Span
from edged.worker.opening import Opener
from edged.worker.surroundings import Surroundings

_KINDS: tuple[type[EdgedError], ...] = (SourceUnavailable, SourceUnsupported, AlgorithmError, EdgedError)


@dataclass(frozen=True, slots=True)
class Fault:
    """An error on its way to another process."""

    kind: type[EdgedError]
    message: str
    code: str

    @classmethod
    def of(cls, error: EdgedError) -> Fault:
        kind = next(kind for kind in _KINDS if isinstance(error, kind))
        return cls(kind, str(error), error.code)

    def error(self) -> EdgedError:
        return self.kind(self.message, code=self.code)


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a part, or of a whole video."""

    partials: tuple[Partial, ...] = ()
    results: tuple[Result, ...] = ()
    frames: int = 0
    """The index of the last frame that was looked at, and one."""
    seconds: float = 0.0
    """How long the video says it is."""
    fault: Fault | None = None
    """What ended it before its end: all that came before is there."""


class PartWorker:
    """An actor. It loads what it needs when it is first needed, and keeps it."""

    def __init__(self, setup: Setup, luggage: Luggage, threads: int) -> None:
        """``threads`` of decoding and of a run of a model. Raises OSError."""
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        cv2.setNumThreads(1)
        jobs, library = unpack(luggage, setup.jobs, setup.library, _cache_folder())
        self._setup = replace(setup, jobs=jobs, library=library)
        self._threads = threads
        self._opener: Opener | None = None
        self._beginning: tuple[str, Beginning] | None = None
        self._engine: Engine | None = None

    def pid(self) -> int:
        return os.getpid()

    def part(self, url: str, source: str, span: Span) -> Answer:
        """The beginnings of all jobs at the due frames of ``span``."""
        partials: list[Partial] = []
        seconds, fault = 0.0, None
        try:
            beginning = self._beginning_for(source)
            with open_video(url, threads=self._threads) as video:
                seconds = video.seconds
                for look in self._looks(video, span):
                    partials += list(_run(beginning, look))  # of one frame all, or nothing
        except EdgedError as error:
            fault = Fault.of(error)
        frames = partials[-1].header.index + 1 if partials else 0
        return Answer(tuple(partials), frames=frames, seconds=seconds, fault=fault)

    def whole(self, url: str, source: str, span: Span) -> Answer:
        """All of the jobs: they cannot be shared."""
        results: list[Result] = []
        fault = None
        try:
            if self._engine is None:
                self._engine = Engine(self._setup, threads=self._threads).__enter__()
            for result in self._engine.results(url, source=source, span=span):
                results += [result]  # what came before an error counts
        except EdgedError as error:
            fault = Fault.of(error)
        frames = max((result.index + 1 for result in results), default=0)
        return Answer(results=tuple(results), frames=frames, fault=fault)

    def _looks(self, video: Video, span: Span) -> Iterator[Look]:
        """With what is masked covered."""
        covering = Covering(self._setup.scene)
        samplings = [job.sampling for job in self._setup.jobs]
        for look in Reader(video, samplings, span=span, intake=self._setup.intake).looks():
            covering.cover(look)
            yield look

    def _beginning_for(self, source: str) -> Beginning:
        if self._beginning is None or self._beginning[0] != source:
            if self._opener is None:
                self._opener = Opener(self._setup.library)
                self._opener.sessions = KeptSessions.of(
                    self._setup.library, self._threads, lambda what: nullcontext()
                )
            around = Surroundings()
            if self._setup.scene is not None:
                around.show({source: self._setup.scene})
            opener = self._opener.beside(around, self._opener.sessions)
            splits = [links_without_state(job, opener.catalogue) for job in self._setup.jobs]
            self._beginning = (source, Beginning(self._setup.jobs, source, opener, splits))
        return self._beginning[1]


def _run(beginning: Beginning, look: Look) -> Iterator[Partial]:
    for place, window in enumerate(look.windows):
        if window:
            yield beginning.run(place, window, keep_window=False)


def _cache_folder() -> Path:
    """Of this user alone: algorithms are imported from there."""
    given = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111 - Path's raises
    folder = Path(given) / "edged" / "cluster"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:  # a service without a home
        return Path(tempfile.mkdtemp(prefix="edged-cluster-"))
    return folder
