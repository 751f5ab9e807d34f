"""What main and the process of the live pictures say to each other."""

from __future__ import annotations

from dataclasses import dataclass, field

from edged.model.scene import Scene

READER = ".live"
"""As which the process that serves reads frame tracks: a name that no worker of a spec can have. One that
pushes adds the name of its output."""


@dataclass(frozen=True, slots=True)
class OutputSpec:
    """One live picture."""

    name: str
    source: str
    to: str
    """rtsp | mjpeg: served; else push."""
    url: str = field(default="", repr=False)
    """Where it is pushed to, with secrets resolved: never log it."""
    redacted_url: str = ""
    draw: tuple[str, ...] = ()
    """The jobs whose findings are drawn."""
    size: tuple[int, int] | None = None
    """The most width and height in pixels."""
    fps: float = 15.0
    bitrate_kbps: int = 2000
    quality: int = 75
    encoder: str = "auto"
    hold_s: dict[str, float] = field(default_factory=dict)
    """By job of `draw`: how long what it found is shown, on the source's clock, if nothing newer comes."""


@dataclass(frozen=True, slots=True)
class LiveSpec:
    """All that the process of the live pictures needs to know."""

    revision: int
    outputs: tuple[OutputSpec, ...]
    host: str = "127.0.0.1"
    rtsp_port: int = 8554
    """0: any that is free."""
    http_port: int = 8555
    username: str = ""
    password: str = field(default="", repr=False)
    """Empty: anybody may look."""
    scenes: dict[str, Scene] = field(default_factory=dict)
    """By source."""


@dataclass(frozen=True, slots=True)
class OutputView:
    """How one live picture is doing."""

    name: str
    viewers: int = 0
    """A push that is connected is one."""
    encoder: str = ""
    """Empty: nothing is encoded now."""
    pictures: int = 0
    """Encoded so far."""
    dropped: int = 0
    """That viewers were too slow for."""
    bytes: int = 0
    """Encoded so far."""
    error: str = ""
    """Why it is not to be seen; it is tried again."""
    size: tuple[int, int] | None = None
    """Of what is encoded now, in pixels."""
    fps: float = 0.0
    """Encoded over the last seconds."""
    again_ns: int = 0
    """On the monotonic clock: when what failed is tried again; 0: with the next picture."""


@dataclass(frozen=True, slots=True)
class LiveReport:
    """At each change, and with fresh counters now and then."""

    rtsp_port: int = 0
    """That is listened on; 0: it is not."""
    http_port: int = 0
    wanted: tuple[str, ...] = ()
    """The outputs that need frames now: somebody looks."""
    views: tuple[OutputView, ...] = ()
