"""What decoding this machine can do: asked of a child, because main does not load FFmpeg."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DecodersRequest:
    """Main → decoders child."""

    names: tuple[str, ...]
    """FFmpeg's names of the decoders to look for."""


@dataclass(frozen=True, slots=True)
class DecodersReport:
    """Decoders child → main."""

    ffmpeg: str
    """Version of libavcodec."""
    found: tuple[str, ...]
    """Those of the request that are there."""
    hardware: tuple[str, ...]
    """Kinds of hardware that this FFmpeg was built to use; not all need be in this machine."""
