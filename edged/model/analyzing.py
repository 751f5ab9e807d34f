"""What `edged analyze` asks of the child that reads the videos, and what that tells meanwhile."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from edged.model.intake import Intake
from edged.model.messages import JobSpec, Library
from edged.model.scene import Scene


class Form(StrEnum):
    """How results are written."""

    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"


class Where(StrEnum):
    """Where results go."""

    STREAM = "stream"
    """Standard output."""
    FILE = "file"
    """One for all videos."""
    FOLDER = "folder"
    """A file for each video."""
    BROKER = "broker"
    """Over the channel to main, which publishes them."""


@dataclass(frozen=True, slots=True)
class VideoFile:
    """One video to be analysed."""

    url: str = field(repr=False)
    """Absolute path, ``http(s)://…`` or ``s3://bucket/key``; it may hold a password."""
    name: str
    """For people, without passwords."""
    source: str
    """Its name in results: ``[A-Za-z0-9_-]{1,64}``, another for each video."""
    identity: str = ""
    """Of its content, as far as that can be told without reading it: size and time of change."""
    scene: Scene | None = None
    record: str = ""
    """Absolute path of the film to make of it; empty: none."""
    jobs: tuple[str, ...] = ()
    """By name; at least one."""
    intake: Intake = Intake()  # noqa: RUF009 - it is frozen


@dataclass(frozen=True, slots=True)
class ClusterOrder:
    """Which cluster, and what a worker takes of it."""

    address: str = ""
    """``ray://host:port``, ``host:port`` or ``auto``; empty: one is started here, and ended."""
    workers: int | None = None
    """None: as many as its cores allow."""
    cpus: float = 1.0
    """Cores of one worker."""
    gpus: float = 0.0
    """Accelerators of one worker."""


@dataclass(frozen=True, slots=True)
class AnalysisRequest:
    """Run jobs over videos, one after the other, and write what they find."""

    jobs: tuple[JobSpec, ...]
    library: Library
    videos: tuple[VideoFile, ...]
    device: str
    where: Where = Where.STREAM
    form: Form = Form.JSONL
    output: str = ""
    """Absolute path of the file or folder."""
    start_us: int = 0
    end_us: int | None = None
    threads: int | None = None
    """None: as many as there are cores."""
    resume: bool = False
    """Go on where an earlier analysis ended."""
    overwrite: bool = False
    """What is there already is no obstacle."""
    cluster: ClusterOrder | None = None
    """None: this process does it all."""


@dataclass(frozen=True, slots=True)
class StopAnalysis:
    """End in order, soon: what is written stays valid."""


@dataclass(frozen=True, slots=True)
class VideoBegan:
    """A video is being opened; ``place`` counts from 0, in the order of the request."""

    place: int
    resumed_us: int = 0
    """It goes on from here, on its own clock."""
    again: bool = False
    """It was begun before, and is done again from its beginning."""


@dataclass(frozen=True, slots=True)
class VideoProgress:
    """How far it is."""

    place: int
    at_us: int = 0
    duration_us: int = 0
    """0: it is not known."""
    frames: int = 0
    results: int = 0
    waits_for: str = ""
    """The job of which one run takes longer than its deadline; empty: none does."""
    waits_s: float = 0.0
    """Since that run began."""


@dataclass(frozen=True, slots=True)
class VideoEnded:
    """What became of a video."""

    place: int
    frames: int = 0
    results: int = 0
    error: str = ""
    """Why it could not be analysed, or not to its end; empty: it was."""
    earlier: bool = False
    """It was done by the analysis that this one resumes."""


@dataclass(frozen=True, slots=True)
class AlgorithmSaid:
    """A line that an algorithm printed, or a warning."""

    line: str


@dataclass(frozen=True, slots=True)
class AnalysisEnded:
    """The last message."""

    error: str = ""
    """What ended it; empty: all videos had their turn, or it was told to stop."""
    code: str = ""
    stopped: bool = False
    """Told to."""
    unread: bool = False
    """Whoever read its standard output does so no more."""
    resumable: bool = False
    """``--resume`` goes on with what is left."""


AnalysisUpdate = VideoBegan | VideoProgress | VideoEnded | AlgorithmSaid | AnalysisEnded
