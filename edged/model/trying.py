"""What `edged try`, `models info` and `doctor` ask of the child that runs models, and its answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class TryRequest:
    """Run a model on a picture or a video, draw what it finds."""

    model: str
    """Absolute path."""
    footage: str
    """Absolute path of a picture or a video."""
    is_picture: bool
    output: str
    """Absolute path; written beside it first, under the name that `part_of` gives."""
    algorithm: str = ""
    """Empty: the first that fits."""
    params: dict[str, Any] = field(default_factory=dict)
    """Beside ``model``."""
    interval_us: int = 200_000
    """0: every frame of a video."""
    folders: tuple[str, ...] = ()
    """Of the user's own algorithms and heads."""
    cache: str = ""
    """Folder for engines; empty: none is kept."""


@dataclass(frozen=True, slots=True)
class ModelInfoRequest:
    """Tell all about a model, and measure it."""

    model: str
    cache: str = ""


@dataclass(frozen=True, slots=True)
class ProvidersRequest:
    """Try each execution provider on a tiny model."""


@dataclass(frozen=True, slots=True)
class TensorCard:
    """An input or output of a model."""

    name: str
    shape: str
    """``1x3x416x416``; ``?`` for a size that is left open."""
    dtype: str
    low: float | None = None
    """The least of its numbers when the model ran; None: it did not, or these are no numbers."""
    high: float | None = None
    odd: int = 0
    """How many were NaN or infinite."""


@dataclass(frozen=True, slots=True)
class FitCard:
    """Whether a model is one for an algorithm."""

    algorithm: str
    fits: bool
    detail: str
    """What it was recognised as, or why it is none."""


@dataclass(frozen=True, slots=True)
class FoundCard:
    """The detections of one label."""

    label: str
    number: int
    """On a picture: how many; in a video: in how many of the frames looked at."""
    most: int
    """In one frame."""
    best: float
    """Score."""
    boxes: tuple[tuple[float, float, float, float], ...] = ()
    """In fractions of the frame, best first; a few of the frame with the best."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a run takes here."""

    runs: int
    pre_ms: float
    """Medians: frame to tensor,"""
    model_ms: float
    """the model's own run,"""
    post_ms: float
    """and tensor to result."""
    provider: str
    threads: int
    memory_mb: float
    """What loading the model added to the process."""


@dataclass(frozen=True, slots=True)
class TryReport:
    """What became of a `TryRequest`."""

    error: str = ""
    code: str = ""
    algorithm: str = ""
    inputs: tuple[TensorCard, ...] = ()
    outputs: tuple[TensorCard, ...] = ()
    fits: tuple[FitCard, ...] = ()
    heads: tuple[str, ...] = ()
    """What the detector knows: ``yolox: 1 x cells x (5 + classes), …``."""
    frames: int = 0
    """Looked at."""
    width: int = 0
    height: int = 0
    found: tuple[FoundCard, ...] = ()
    data: str = ""
    """What else was returned for the last frame, as JSON, shortened."""
    cost: Cost | None = None
    written: bool = False


@dataclass(frozen=True, slots=True)
class TryUpdate:
    """How far it is; the last has a report."""

    done: int = 0
    total: int = 0
    """0: it is not known."""
    report: TryReport | None = None


@dataclass(frozen=True, slots=True)
class Timing:
    """One way to run a model, measured."""

    provider: str
    threads: int
    load_s: float = 0.0
    median_ms: float = 0.0
    least_ms: float = 0.0
    runs: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True)
class ModelReport:
    """All that `edged models info` tells."""

    error: str = ""
    code: str = ""
    path: str = ""
    size: int = 0
    """Bytes."""
    sha256: str = ""
    ir_version: int = 0
    opsets: dict[str, int] = field(default_factory=dict)
    producer: str = ""
    nodes: int = 0
    weight_files: tuple[str, ...] = ()
    metadata: dict[str, str] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    inputs: tuple[TensorCard, ...] = ()
    outputs: tuple[TensorCard, ...] = ()
    fits: tuple[FitCard, ...] = ()
    auto: str = ""
    """What `auto` runs it on here."""
    timings: tuple[Timing, ...] = ()


@dataclass(frozen=True, slots=True)
class ProviderCard:
    """One execution provider of the installed ONNX Runtime."""

    name: str
    """As a spec names it."""
    label: str
    reason: str = ""
    """Why it does not run here; empty: it does."""
    absent: bool = False
    """There is nothing here for it to run on: no trouble."""


@dataclass(frozen=True, slots=True)
class ProvidersReport:
    """In the order in which auto tries them."""

    version: str
    """Of ONNX Runtime."""
    cards: tuple[ProviderCard, ...]
    others: tuple[str, ...] = ()
    """Providers that it has and edged does not use, by its names."""


def part_of(output: str) -> str:
    """The file that an output is written to until it is whole."""
    stem, dot, suffix = output.rpartition(".")
    return f"{stem}.part{dot}{suffix}"
