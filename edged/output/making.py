"""Pictures of an output as viewers get them: H.264 for RTSP, JPEG for MJPEG."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from edged.algorithm.color import planes
from edged.algorithm.jpeg import encode_planes
from edged.errors import EdgedError
from edged.model.live import OutputSpec
from edged.output.encoders import candidates, hardware_present
from edged.output.h264 import Coded, H264Encoder, Rate, open_encoder
from edged.output.pacing import Timeline
from edged.output.painting import Painting


class Maker(Protocol):
    """Belongs to the thread of one output."""

    @property
    def encoder(self) -> str:
        """Its name; empty: nothing is encoded now."""

    @property
    def again_ns(self) -> int:
        """As in `OutputView`, of what failed last."""

    def make(self, painting: Painting, pts_us: int, *, keyframe: bool) -> int:
        """Encode it and pass it on; how many bytes. Raises FFmpegError, OSError or EdgedError."""

    def rest(self) -> None:
        """Nobody looks: let go of everything."""


class H264Maker:
    """Encodes once for all viewers."""

    again_ns = 0

    def __init__(self, spec: OutputSpec, give: Callable[[Coded, H264Encoder], None]) -> None:
        self.encoder = ""
        """See `Maker`."""
        self._rate = Rate(spec.fps, spec.bitrate_kbps)
        self._wanted = spec.encoder
        self._give = give
        self._timeline = Timeline(spec.fps)
        self._open: H264Encoder | None = None

    def make(self, painting: Painting, pts_us: int, *, keyframe: bool) -> int:
        """See `Maker`."""
        encoder = self._open
        if encoder is None or encoder.layout != painting.format:
            names = candidates(self._wanted, hardware_present())
            encoder = self._open = open_encoder(names, painting.format, self._rate)
            self.encoder = encoder.name
        size = 0
        for coded in encoder.encode(painting, self._timeline.at(pts_us), keyframe=keyframe):
            self._give(coded, encoder)
            size += len(coded.data)
        return size

    def rest(self) -> None:
        """See `Maker`."""
        self._open, self.encoder = None, ""


class JpegMaker:
    """One JPEG for all viewers."""

    again_ns = 0

    def __init__(self, spec: OutputSpec, give: Callable[[bytes], None]) -> None:
        self.encoder = ""
        """See `Maker`."""
        self._quality = spec.quality
        self._give = give

    def make(self, painting: Painting, pts_us: int, *, keyframe: bool) -> int:
        """See `Maker`; each picture is whole anyway."""
        try:
            sides = planes(painting.pixels, painting.format)
            jpeg = encode_planes(*sides, painting.format, self._quality)
        except ValueError as error:
            raise EdgedError(f"cannot be a JPEG: {error}") from error
        self.encoder = "jpeg"
        self._give(jpeg)
        return len(jpeg)

    def rest(self) -> None:
        """See `Maker`."""
        self.encoder = ""
