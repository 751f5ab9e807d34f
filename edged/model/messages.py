"""What main and its children say to each other over their channels.

Control is level-triggered: a child gets its whole specification with a revision, never a delta,
and applying one twice is harmless. Pixels never travel here; file descriptors ride beside a
message (the order is given with each). Encoded by `edged.supervise.wire`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from edged.model.sampling import Sampling
from edged.model.scene import Scene


@dataclass(frozen=True, slots=True)
class Stop:
    """Finish what is in hand, then exit 0."""


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
    mains: int = 0
    """Events that main said itself: by so many those of workers have higher numbers when they leave."""


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
class ImageOrder:
    """Pictures beside the results of a job."""

    of: str
    """full | crops."""
    quality: int = 80
    max_width: int | None = None


@dataclass(frozen=True, slots=True)
class ClipOrder:
    """Clips at the events of a job."""

    on: tuple[str, ...]
    """Types of events."""
    before_s: float
    after_s: float


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
    image: ImageOrder | None = None
    """None: its results come without pictures."""
    clips: ClipOrder | None = None
    """None: its events are not recorded."""

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
    shown: tuple[tuple[str, str], ...] = ()
    """The jobs, each with a source, of which every result is drawn on a live picture now."""


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
    again_ns: int = 0
    """On the monotonic clock: when what failed is tried again; 0: now, or not by itself."""


UNPICTURED = "unpictured"
"""Pictures of results that were left out: among what was skipped, though no turn was missed."""


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
    `MotionGate`); and ``unsent`` results. Also `UNPICTURED`."""
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
    again_ns: int = 0
    """As in a `JobReport`: of what fails again and again nothing else is reported."""

    @property
    def missed(self) -> int:
        """Turns that were missed and results that were not sent, for whatever reason."""
        return sum(count for reason, count in self.skipped.items() if reason != UNPICTURED)


@dataclass(frozen=True, slots=True)
class ClipWish:
    """An event that a job records; sent right before it."""

    job: str
    source: str
    event: str
    """Its type."""
    captured_ns: int
    """Of the frame that it is about, on the monotonic clock."""
    captured_wall_ns: int


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
class Unsent:
    """A type of event that a job waits for and no algorithm of its chain sends."""

    path: str
    """Below the job: ``record.on.0``."""
    message: str


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
    unsent: tuple[Unsent, ...] = ()
    """It can run without them. Only what is certain: of algorithms that declare what they send."""


@dataclass(frozen=True, slots=True)
class ParamCard:
    """One parameter of an algorithm, for people."""

    name: str
    type: str
    default: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class EventCard:
    """One type of event that an algorithm may send, for people."""

    type: str
    description: str


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
    events: tuple[EventCard, ...] | None = None
    """None: it does not say which it sends."""


@dataclass(frozen=True, slots=True)
class ProveReport:
    """The prover's answer: `Proof` for each job, then the cards and ONNX providers of this machine."""

    proofs: tuple[Proof, ...] = ()
    algorithms: tuple[AlgorithmCard, ...] = ()
    providers: tuple[str, ...] = ()
