"""What opening a source once tells of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ProbeReport:
    """Probe child → main. With ``error`` the rest is empty."""

    url: str
    """Without credentials."""
    error: str = ""
    """Why it cannot be opened, and the mend."""
    live: bool = False
    """A camera and not a film."""
    codec: str = ""
    profile: str = ""
    width: int = 0
    height: int = 0
    fps: float = 0.0
    """As the stream says, else as its frames came."""
    pixel_format: str = ""
    """FFmpeg's name: yuv420p, yuvj420p, nv12 …"""
    color_range: str = ""
    """``limited``, ``full``, or empty when the stream does not say."""
    keyframe_interval_s: float | None = None
    """Mean time between keyframes; None: no second one came while it was looked at."""
    open_s: float = 0.0
    """From asking for the source to knowing its streams."""
    first_frame_s: float = 0.0
    """From asking for the source to its first picture."""
