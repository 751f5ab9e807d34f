"""What `edged run` shows on a terminal: one line per source, job and output, at one moment."""

from __future__ import annotations

from dataclasses import dataclass

from edged.model.capturing import SourceState
from edged.model.messages import JobState


@dataclass(frozen=True, slots=True)
class SourceLine:
    """One source, as far as main knows it."""

    name: str
    state: SourceState
    url: str
    """Redacted."""
    fps: float = 0.0
    """Measured, not nominal."""
    width: int = 0
    height: int = 0
    codec: str = ""
    decoded: int = 0
    copied: int = 0
    dropped: int = 0
    reconnects: int = 0
    last_frame_age_s: float | None = None
    """None: no frame yet."""
    error: str = ""
    again_s: float | None = None
    """Until one that is away is tried again; None: that is not known, or it is being tried."""


@dataclass(frozen=True, slots=True)
class JobLine:
    """One job, over all its sources."""

    name: str
    state: JobState
    algorithms: tuple[str, ...] = ()
    """The chain, in order."""
    rate: float = 0.0
    """Runs per second over the last 10 s."""
    p50_ms: float = 0.0
    p95_ms: float = 0.0
    runs: int = 0
    skipped: int = 0
    """Missed turns, over all reasons."""
    errors: int = 0
    detections: int = 0
    """In the newest results."""
    error: str = ""
    again_s: float | None = None
    """As of a source."""


@dataclass(frozen=True, slots=True)
class OutputLine:
    """One live picture."""

    name: str
    state: str
    """As its status has it."""
    viewers: int = 0
    fps: float = 0.0
    """Encoded over the last seconds."""
    size: tuple[int, int] | None = None
    encoder: str = ""
    url: str = ""
    """Without login; empty: it is not to be seen."""
    error: str = ""
    again_s: float | None = None
    """As of a source."""


@dataclass(frozen=True, slots=True)
class Overview:
    """The whole daemon at one moment."""

    device: str
    broker_url: str
    """Redacted."""
    broker_state: str
    """``connected``, ``connecting``, ``away`` ..., as the MQTT client names it."""
    uptime_s: float
    published: int = 0
    """Messages handed to the broker so far."""
    sources: tuple[SourceLine, ...] = ()
    jobs: tuple[JobLine, ...] = ()
    notice: str = ""
    """One line that the user should not miss, ``the file's spec is not in effect``."""
    outputs: tuple[OutputLine, ...] = ()
