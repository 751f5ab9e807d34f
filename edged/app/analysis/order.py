"""From what was typed to what the child is asked."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edged.app.analysis.broker import Address, find_address
from edged.app.analysis.jobs import Described, Jobs, jobs_described, jobs_of_config
from edged.app.analysis.target import Target, find_span, find_target
from edged.app.analysis.videos import Found, find_videos, names_of
from edged.errors import EdgedError
from edged.model.analyzing import AnalysisRequest, ClusterOrder, VideoFile, Where
from edged.model.intake import Intake
from edged.settings.nearest import did_you_mean

FILMS = (".mp4", ".webm", ".mkv")


@dataclass(frozen=True, slots=True)
class Order:
    """The command line of `edged analyze`."""

    videos: tuple[str, ...]
    config: Path | None
    jobs: tuple[str, ...]
    source: str | None
    described: Described
    output: str | None
    form: str | None
    record: str | None
    start: str | None
    end: str | None
    threads: int | None
    engine: str = "local"
    workers: int | None = None
    gpus_per_worker: float = 0.0
    resume: bool = False
    overwrite: bool = False


def prepare(order: Order) -> tuple[AnalysisRequest, Address | None]:
    """What is asked, and of a broker where it is.

    Raises ValueError for options that do not go together; `SpecRejected`, `EdgedError` for what is wrong with
    a CONFIG, a job or the videos.
    """
    target = find_target(order.output, order.form)
    start_us, end_us = find_span(order.start, order.end)
    _check(order, target)
    broker = find_address(target.path) if target.where is Where.BROKER else None
    jobs = _jobs(order)
    found = find_videos(order.videos)
    _check_not_read(target, found)
    videos = _videos(order, jobs, found)
    request = AnalysisRequest(
        jobs=tuple(jobs.specs.values()),
        library=jobs.library,
        videos=videos,
        device=jobs.device,
        where=target.where,
        form=target.form,
        output="" if broker is not None else target.path,
        start_us=start_us,
        end_us=end_us,
        threads=order.threads,
        resume=order.resume,
        overwrite=order.overwrite,
        cluster=_cluster(order),
    )
    return request, broker


def _check(order: Order, target: Target) -> None:
    _check_together(order)
    if order.resume and target.where not in (Where.FILE, Where.FOLDER):
        raise ValueError("--resume is for what is written with -o FILE or -o FOLDER")
    path = Path(target.path)
    if target.where is Where.FILE and not path.parent.is_dir():
        raise EdgedError(f"there is no folder {path.parent} to write to: make it, or name another")
    if target.where is Where.FOLDER and not path.parent.is_dir():
        raise EdgedError(f"there is no folder {path.parent} to make {path.name} in")


def _check_together(order: Order) -> None:
    given = order.described.given
    _cluster(order)
    if order.config is not None and given:
        raise ValueError(f"give --config, or a job with {', '.join(given)}, not both")
    if order.config is None and (order.jobs or order.source):
        raise ValueError(f"{'--job' if order.jobs else '--source'} is about a CONFIG: give it with -c")
    if order.config is None and not (order.described.algorithm or order.described.model):
        raise ValueError("say what to do: -c CONFIG, or --model FILE.onnx, or --algorithm NAME")
    if order.resume and order.overwrite:
        raise ValueError("--resume goes on and --overwrite begins anew: give one of them")


def _cluster(order: Order) -> ClusterOrder | None:
    """None: this machine alone does it."""
    scheme, _, address = order.engine.partition("://")
    if order.engine == "local":
        if order.workers is not None or order.gpus_per_worker:
            raise ValueError("--workers and --gpus-per-worker are for --engine ray")
        return None
    if scheme != "ray" or (not address and order.engine != "ray"):
        raise ValueError(
            f"--engine {order.engine}: should be local, ray (on this machine), ray://auto (its running "
            "cluster), or ray://host:10001"
        )
    if order.record is not None:
        raise ValueError("--record needs every picture here: films are made with --engine local")
    where = {"": "", "auto": "auto"}.get(address, order.engine)
    return ClusterOrder(where, order.workers, float(order.threads or 1), order.gpus_per_worker)


def _check_not_read(target: Target, found: Sequence[Found]) -> None:
    if target.where is Where.FILE and any(_is_same(target.path, video.url) for video in found):
        raise EdgedError(f"{target.path} is what is read; give another name to write to with -o")


def _jobs(order: Order) -> Jobs:
    if order.config is not None:
        return jobs_of_config(order.config, order.jobs)
    return jobs_described(order.described)


def _videos(order: Order, jobs: Jobs, found: Sequence[Found]) -> tuple[VideoFile, ...]:
    if order.source is not None and order.source not in jobs.scenes:
        near = did_you_mean(order.source, jobs.scenes)
        raise EdgedError(f"{order.config}: there is no source {order.source}{near}", code="not_found")
    names = names_of(found)
    records = _records(order.record, found, names)
    _check_records(order, records)
    videos = []
    for video, name, record in zip(found, names, records, strict=True):
        source = order.source or jobs.source_for(video.url)
        scene = jobs.scenes.get(source) if source is not None else None
        intake = jobs.intakes.get(source, Intake()) if source is not None else Intake()
        of_source = (scene, record, jobs.names_for(source), intake)
        videos.append(VideoFile(video.url, video.name, name, video.identity, *of_source))
    return tuple(videos)


def _records(record: str | None, found: Sequence[Found], names: Sequence[str]) -> list[str]:
    """A film for each video: the file for the only one, or files in the folder."""
    if record is None:
        return [""] * len(found)
    path = Path(record).absolute()
    if path.suffix.lower() not in FILMS:
        if path.suffix and not path.is_dir():
            raise ValueError(
                f"--record {record}: a film ends with {', '.join(FILMS)}; a folder has no such end"
            )
        path.mkdir(exist_ok=True)
        return [str(path / f"{name}.mp4") for name in names]
    if len(found) > 1:
        raise ValueError(f"--record {record} is one film, and there are {len(found)} videos: name a folder")
    if not path.parent.is_dir():
        raise EdgedError(
            f"there is no folder {path.parent} to write {path.name} to: make it, or name another"
        )
    if _is_same(str(path), found[0].url):
        raise EdgedError(f"{record} is what is read; give another name to write to with --record")
    return [str(path)]


def _check_records(order: Order, records: Sequence[str]) -> None:
    there = [record for record in records if record and Path(record).exists()]
    if there and not (order.resume or order.overwrite):
        raise EdgedError(
            f"{there[0]} is there already: give another name with --record; --overwrite begins anew"
        )
    for folder in {Path(record).parent for record in records if record}:
        try:
            with tempfile.TemporaryFile(dir=folder):
                pass  # better known now than after the first frame of each video
        except OSError as error:
            raise EdgedError(f"{folder}: {error.strerror}: name another place with --record") from error


def _is_same(path: str, url: str) -> bool:
    return url.startswith("/") and Path(path).exists() and Path(path).samefile(url)
