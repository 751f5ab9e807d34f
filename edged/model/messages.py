"""What main and its children say to each other over their channels.

Control is level-triggered: a child gets its whole specification with a revision, never a delta,
and applying one twice is harmless. Pixels never travel here; file descriptors ride beside a
message (the order is given with each). Encoded by `edged.supervise.wire`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from edged.model.frame import FrameFormat
from edged.model.sampling import Sampling
from edged.model.scene import Scene

# ---- main → capture ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Demand:
    """Which frames the jobs of a source need, so that nothing else is copied or even decoded."""

    every_frame: bool = False
    """Some job that samples on frames has count > 1 or interval 0: copy all."""
    samplings: tuple[Sampling, ...] = ()
    """The distinct samplings (count 1) of which the due frames are copied."""
    keyframes_only: bool = False
    """All jobs sample on keyframes: nothing else need be decoded."""
    keep_keyframes: int = 0
    """So many of the newest keyframes stay on the track, however many other frames come after them."""

    @property
    def nothing(self) -> bool:
        return not self.every_frame and not self.samplings


@dataclass(frozen=True, slots=True)
class CaptureSpec:
    """All that a capture process needs to know."""

    revision: int
    source: str
    url: str = field(repr=False)
    """With secrets resolved: never log it; log ``redacted_url``."""
    redacted_url: str
    enabled: bool = True
    size: tuple[int, int] | None = None
    fps: float | None = None
    transport: str = "tcp"
    loop: bool = False
    timeout_s: float = 10.0
    hwaccel: str = "auto"
    masks: tuple[tuple[tuple[float, float], ...], ...] = ()
    """Polygons in fractions of the frame."""
    demand: Demand = field(default_factory=Demand)
    resume: ResumePoint | None = None
    """Where a capture that is replaced had got to, so that index, pts and epoch go on rising."""


@dataclass(frozen=True, slots=True)
class ResumePoint:
    epoch: int
    index: int
    key_index: int
    pts_us: int
    captured_ns: int


@dataclass(frozen=True, slots=True)
class TrackOffer:
    """A frame track that main allocated.

    To capture, beside it: the memfd, then one eventfd per reader. To a worker: the memfd and its
    own eventfd. A later generation for the same source replaces the earlier one.
    """

    source: str
    generation: int
    slots: int
    format: FrameFormat


@dataclass(frozen=True, slots=True)
class Stop:
    """Finish what is in hand, then exit 0."""


# ---- capture → main ------------------------------------------------------------------------


class SourceState(StrEnum):
    STARTING = "starting"
    RUNNING = "running"
    RETRYING = "retrying"
    ENDED = "ended"
    PAUSED = "paused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class SourceReport:
    """A change of state of a source (not its counters: those are gauges in shared memory)."""

    state: SourceState
    error: str = ""
    codec: str = ""
    width: int = 0
    """Of the source, before ``size``."""
    height: int = 0
    fps: float = 0.0
    reconnects: int = 0


@dataclass(frozen=True, slots=True)
class TrackRequest:
    """The frames that will come: main answers with a `TrackOffer`."""

    format: FrameFormat


# ---- main → worker, prover -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LinkSpec:
    """One algorithm in a job's chain."""

    algorithm: str
    """A name that ``edged algos`` lists, or ``module:Class``."""
    params: dict[str, Any] = field(default_factory=dict, repr=False)
    """With references resolved."""
    hidden: tuple[str, ...] = field(default=(), repr=False)
    """What of `params` may be a secret: it is in no error and no log."""
    files: tuple[str, ...] | None = None
    """The only models outside the library's folders that it may open, by absolute path; None: any.
    Params from the network may not name others than the device's own file does."""
    models: dict[str, str] = field(default_factory=dict)
    """Of the models that the spec brings along those that the params name: the absolute path of each. It
    differs with what is in the file, so that with another file it is another link."""


@dataclass(frozen=True, slots=True)
class Numbering:
    """Where seq and track_id go on for one (job, source)."""

    seq: int = 0
    """Of results."""
    track_id: int = 0
    event: int = 0
    """The seq of events, which are numbered apart."""
    counts: str = ""
    """The newest counts, as JSON: those over lines go on. Empty: there are none, or they begin anew."""


@dataclass(frozen=True, slots=True)
class MotionGate:
    """A job that runs only where something moves, and now and then anyway."""

    every_s: float = 60.0
    """It runs at least so often, whatever moves."""
    hold_s: float = 5.0
    """It goes on for so long after the last movement."""
    min_area: float = 0.001
    """Share of the frame that must have changed."""
    threshold: float = 12.0
    """Gray levels by which it must have."""


@dataclass(frozen=True, slots=True)
class JobSpec:
    """One job as a worker runs it. Equal specs (but for `numbering`) are the same running job."""

    name: str
    sources: tuple[str, ...]
    chain: tuple[LinkSpec, ...]
    sampling: Sampling
    deadline_s: float = 10.0
    publish_when: str = "always"
    """always | change | detections | events | never."""
    qos: int = 0
    numbering: dict[str, Numbering] = field(default_factory=dict)
    """By source: the last numbers given out."""
    version: int = 0
    """Another number: it was specified anew. Main gives it; the worker says of which it speaks."""
    load: int = 0
    """Another number: its algorithms are to be loaded anew, even if they are the same."""
    gate: MotionGate | None = None
    """None: it runs whenever it is due."""

    @property
    def hidden(self) -> tuple[str, ...]:
        """What of the params of all its links may be a secret."""
        return tuple(text for link in self.chain for text in link.hidden)


@dataclass(frozen=True, slots=True)
class Library:
    """Where algorithms and models are looked up, and nowhere else."""

    algorithms: tuple[str, ...] = ()
    """Folders beside the built-in one that may be imported from."""
    models: tuple[str, ...] = ()
    """Folders in which ``model: name.onnx`` is looked up, in order."""
    cache: str = ""
    """Folder for the engines that execution providers build of models; empty: none is kept."""


@dataclass(frozen=True, slots=True)
class Pictures:
    """Annotated JPEGs written to a folder, for people."""

    folder: str
    every_s: float = 2.0


@dataclass(frozen=True, slots=True)
class SnapshotRequest:
    """A picture of a job's next run on a source, with what it saw drawn on it.

    It stands in the worker's specification for as long as somebody waits for it: nothing has to be
    called off, and a worker that was not told yet is told.
    """

    id: int
    """From 1; of this daemon's run."""
    job: str
    source: str
    asked_ns: int
    """On the monotonic clock. A frame captured before is not the answer: it may lack a mask."""
    quality: int = 80
    """Of the JPEG, 1-100."""
    max_width: int | None = None
    """In pixels; a larger picture is scaled down to it."""


@dataclass(frozen=True, slots=True)
class WorkerSpec:
    """All that a worker process needs to know."""

    revision: int
    boot: str
    device: str
    jobs: tuple[JobSpec, ...]
    library: Library = field(default_factory=Library)
    pictures: Pictures | None = None
    snapshots: tuple[SnapshotRequest, ...] = ()
    """Those that somebody waits for."""
    scenes: dict[str, Scene] = field(default_factory=dict)
    """By source, of all that its jobs look at."""


@dataclass(frozen=True, slots=True)
class TrackGone:
    """The source's track will not be written again: let go of it."""

    source: str


@dataclass(frozen=True, slots=True)
class ProveRequest:
    """Prove each job (import, validate params, load, warm up); with no jobs, list the algorithms."""

    jobs: tuple[JobSpec, ...]
    library: Library
    skip: tuple[str, ...] = ()
    """Files, without .py, that the list leaves alone: they brought a prover down."""
    scenes: dict[str, Scene] = field(default_factory=dict)
    """By source, for the first runs; of a source without one nothing is known."""


# ---- worker, prover → main -----------------------------------------------------------------


class JobState(StrEnum):
    STARTING = "starting"
    RUNNING = "running"
    PAUSED = "paused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class JobReport:
    """A change of state of a job in its worker."""

    job: str
    state: JobState
    code: str = ""
    error: str = ""
    version: int = 0
    """Of the `JobSpec` that it is about."""


@dataclass(frozen=True, slots=True)
class JobStats:
    """The counters of one job since its worker loaded it, over all its sources; sent every second,
    and at the first run of a version."""

    job: str
    runs: int
    errors: int
    skipped: dict[str, int]
    """Missed turns by reason: ``late`` (a newer due frame was taken), ``overrun`` (overwritten before
    it was read), ``failed`` (while the job was failed and backing off), ``still`` (nothing moved: see
    `MotionGate`); and ``unsent`` results."""
    rate: float
    """Runs per second over the last 10 s."""
    p50_ms: float
    """Capture to result, over the last 512 runs."""
    p95_ms: float
    p99_ms: float
    inference_ms: float
    """Median of the chain's own run."""
    detections: int = 0
    """In the newest results, over all sources."""
    loaded: int = 0
    """The version of the `JobSpec` with which its algorithms were loaded: all counters began then."""
    version: int = 0
    """The version that runs; it may have taken over the algorithms of the one before."""
    version_runs: int = 0
    """Of ``runs``, those since this version."""
    version_errors: int = 0
    counters: dict[str, int] = field(default_factory=dict)
    """What its algorithms counted of their own work, over all sources: ``classifier.crops``."""
    zones: dict[str, dict[str, int]] = field(default_factory=dict)
    """By source: the objects in each zone, in the newest results."""


@dataclass(frozen=True, slots=True)
class SnapshotReport:
    """What became of a `SnapshotRequest`; its JPEG came before, as an `Output` whose seq is the id."""

    id: int
    code: str = ""
    """Empty: there is a picture."""
    error: str = ""
    width: int = 0
    height: int = 0
    captured_wall_ns: int = 0


@dataclass(frozen=True, slots=True)
class Proof:
    """What proving one job found; ``code`` and ``error`` are empty when it can run."""

    job: str
    code: str = ""
    error: str = ""
    path: str = ""
    """Below the job: ``params.model``, ``then.0.algorithm``."""
    final: bool = False
    """It hung or crashed the process: it is not tried again."""
    doubt: str = ""
    """Why its first run, on a gray picture, failed: no proof that it cannot run."""


@dataclass(frozen=True, slots=True)
class ParamCard:
    """One parameter of an algorithm, for people."""

    name: str
    type: str
    default: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class AlgorithmCard:
    """One algorithm found, for ``edged algos``, ``info`` and did-you-mean."""

    name: str
    summary: str
    file: str
    params: tuple[ParamCard, ...] = ()
    returns: str = ""
    error: str = ""
    """Why it cannot be imported."""


@dataclass(frozen=True, slots=True)
class ProveReport:
    """The prover's answer: `Proof` for each job, then the cards and ONNX providers of this machine."""

    proofs: tuple[Proof, ...] = ()
    algorithms: tuple[AlgorithmCard, ...] = ()
    providers: tuple[str, ...] = ()
