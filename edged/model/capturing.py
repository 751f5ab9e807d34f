"""What main and a capture say to each other: `edged.model.messages` has the rules, and what others say."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from edged.model.frame import FrameFormat
from edged.model.sampling import Sampling

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
class Recording:
    """Everything that a source sends goes into files, as it came."""

    segment_s: float = 300.0


@dataclass(frozen=True, slots=True)
class ClipCause:
    """What the clip of a job's events is about; kept beside the file until main has told of it."""

    id: str
    """Of the event that tells of the clip: the same each time that it is told."""
    boot: str
    job: str
    first: str
    """The type of its first event,"""
    moment_wall_ns: int
    """and when that was."""
    events: int = 1
    """At least so many are in it."""


@dataclass(frozen=True, slots=True)
class ClipRequest:
    """A part of what a source sends, as one file.

    It stands in the capture's specification until its `ClipReport` came; asked again with a larger
    ``after_s`` while it is being written, it becomes longer.
    """

    id: int
    """From 1; of this daemon's run."""
    at_ns: int
    """On the monotonic clock: when the frame that it is about was captured."""
    before_s: float
    after_s: float
    path: str
    """Absolute; its folder may not be there yet. Written beside it first."""
    cause: ClipCause | None = None
    """None: somebody asked for it, who gets the answer."""


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
    buffer_s: float = 0.0
    """The last seconds of packets that are kept in memory, for clips."""
    folder: str = ""
    """Where the segments of its recording go: absolute, of this source alone."""
    recording: Recording | None = None
    """None: not everything is recorded."""
    clips: tuple[ClipRequest, ...] = ()
    """Those that somebody waits for."""


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
    again_ns: int = 0
    """On the monotonic clock: when one that is away is tried again; 0: now, or not by itself."""


@dataclass(frozen=True, slots=True)
class ClipReport:
    """What became of a `ClipRequest`; or of one of a capture before, if it has a ``cause``."""

    id: int
    """0: of a capture before."""
    code: str = ""
    """Empty: there is a file."""
    error: str = ""
    path: str = ""
    bytes: int = 0
    sha256: str = ""
    start_wall_ns: int = 0
    """Of its first frame; it is a keyframe."""
    duration_s: float = 0.0
    before_s: float = 0.0
    """How long before the moment it was asked for it begins: at least what was asked, if that was kept."""
    codec: str = ""
    cause: ClipCause | None = None
    """As in the request."""
    cut: bool = False
    """Its capture died before its end."""


@dataclass(frozen=True, slots=True)
class RecorderReport:
    """A change of state of a source's recording."""

    error: str = ""
    """Empty: all that comes is recorded. Else why not: it is tried again."""


@dataclass(frozen=True, slots=True)
class TrackRequest:
    """The frames that will come: main answers with a `TrackOffer`."""

    format: FrameFormat
