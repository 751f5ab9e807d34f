"""`edged.analyze`: jobs over videos from a program, without a daemon and without a broker."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edged.model.analyzing import ClusterOrder
from edged.offline.cluster.ray_engine import RayEngine
from edged.offline.described import Folders, Jobs, Own, Polygons, describe, source_name
from edged.offline.engine.engine import AnyEngine, Coming, Engine, OnProgress, Setup
from edged.offline.engine.hook import Hook
from edged.offline.engine.result import Progress, Result
from edged.offline.engine.stall import Attention
from edged.offline.reading.reader import Span

log = logging.getLogger("edged.offline")

Videos = str | Path | Sequence[str | Path]


def analyze(  # noqa: PLR0913 - what people say about one analysis, by name
    source: Videos,
    jobs: Jobs,
    *,
    on_frame: Hook | None = None,
    record: str | Path | None = None,
    start: float | None = None,
    end: float | None = None,
    models: Folders = (),
    algorithms: Folders = (),
    zones: Polygons | None = None,
    lines: Polygons | None = None,
    masks: Polygons | None = None,
    threads: int | None = None,
    on_progress: OnProgress = lambda progress: None,
    engine: str | ClusterOrder = "local",
) -> Generator[Result]:
    """What jobs find in one video, or in several after each other: results in the order of the video.

    ``source``: a path or URL, or several. ``jobs``: the path of a config, whose jobs run, with the zones,
    lines and masks of its source of the same file name, or of its only source; or jobs by name as in its
    ``spec.jobs``; or one, ``{"algorithm": "detector", "params": {"model": "yolox_nano_416.onnx"}}``.
    ``on_frame`` sees every frame, in order, in this thread; it may change ``frame.picture`` or return another
    for the recording. ``record``: the film to make of one video, .mp4, .mkv or .webm, with all that was found
    drawn on it. ``start``, ``end``: seconds on the video's own clock. ``models``, ``algorithms``: folders
    beside those of the config; without one, models are looked up in the working directory. ``zones``,
    ``lines``, ``masks``: by name, points in fractions of the frame, instead of the config's. ``engine``:
    ``local``, ``ray`` (worker processes on this machine), or ``ray://host:10001``, a Ray cluster; there are
    no films and no ``on_frame`` then.

    Raises `SpecRejected` for jobs that are not right; while it runs `AlgorithmError`, `SourceUnavailable`,
    `SourceUnsupported`, and OSError for a recording that cannot be written.
    """
    videos = [source] if isinstance(source, str | Path) else list(source)
    own = Own(models, algorithms, zones, lines, masks)
    setups = [describe(video, jobs, own) for video in videos]
    order = _Order(_span(start, end), _film(record, videos), on_frame, on_progress, threads, _cluster(engine))
    return _results(setups, videos, order)


@dataclass(frozen=True, slots=True)
class _Order:
    """What is wanted of each video."""

    span: Span
    film: Path | None
    on_frame: Hook | None
    on_progress: OnProgress
    threads: int | None
    cluster: ClusterOrder | None

    def engine(self, setup: Setup) -> AnyEngine:
        if self.cluster is not None:
            return RayEngine(setup, self.cluster)
        return Engine(setup, threads=self.threads)

    def coming(self, video: str | Path) -> Coming:
        return Coming(str(video), source_name(video), self.span)

    def results(self, engine: AnyEngine, video: str | Path) -> Generator[Result]:
        return engine.results(
            video,
            source=source_name(video),
            span=self.span,
            record=self.film,
            on_frame=self.on_frame,
            on_progress=_warning(source_name(video), self.on_progress),
        )


def _results(setups: Sequence[Setup], videos: Sequence[str | Path], order: _Order) -> Generator[Result]:
    for setup, group in _in_groups(setups, videos):
        with order.engine(setup) as engine:
            for place, video in enumerate(group):
                engine.expect([order.coming(following) for following in group[place + 1 :]])
                yield from order.results(engine, video)


def _warning(name: str, on_progress: OnProgress) -> OnProgress:
    """It, after a warning where a run of an algorithm is beyond its deadline: one for each."""
    attention = Attention()

    def tell(progress: Progress) -> None:
        if attention.is_new(progress.stall):
            log.warning("%s: %s", name, progress.stall)
        on_progress(progress)

    return tell


def _cluster(engine: str | ClusterOrder) -> ClusterOrder | None:
    if isinstance(engine, ClusterOrder):
        return engine
    if engine == "local":
        return None
    if engine == "ray":
        return ClusterOrder()
    if engine.startswith("ray://"):
        return ClusterOrder("auto" if engine == "ray://auto" else engine)
    raise ValueError(f"engine is {engine!r}: should be local, ray, or ray://host:10001")


def _film(record: str | Path | None, videos: Sequence[object]) -> Path | None:
    if record is not None and len(videos) != 1:
        raise ValueError(f"record is of one video, and here are {len(videos)}: analyze them one by one")
    return None if record is None else Path(record)


def _span(start: float | None, end: float | None) -> Span:
    if start is not None and end is not None and end <= start:
        raise ValueError(f"end is {end} s, and start {start} s: nothing lies between")
    return Span(round((start or 0.0) * 1e6), None if end is None else round(end * 1e6))


def _in_groups(
    setups: Sequence[Setup], videos: Sequence[str | Path]
) -> Iterator[tuple[Setup, list[str | Path]]]:
    """Videos in a row for which the same runs, so that models are loaded once for all of them."""
    group: list[str | Path] = []
    for place, (setup, video) in enumerate(zip(setups, videos, strict=True)):
        group.append(video)
        following = setups[place + 1] if place + 1 < len(setups) else None
        if following is None or replace(following, source="") != replace(setup, source=""):
            yield replace(setup, source=source_name(group[0])), group
            group = []
