"""H.264 for live viewing: no delay, a keyframe every 2 s and whenever somebody needs one, a bitrate cap."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from fractions import Fraction

import av
import av.error
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType
from av.video.stream import VideoStream

from edged.algorithm.color import planes
from edged.errors import EdgedError
from edged.model.frame import FrameFormat
from edged.output.encoders import SOFTWARE
from edged.output.painting import Painting

KEYFRAME_EVERY = 2 * 90_000
"""In 1/90000 s."""
TIME_BASE = Fraction(1, 90_000)
_GOP = 10_000
"""Keyframes come when they are asked for: by time, not by count."""
_OPTIONS = {
    SOFTWARE: {
        "preset": "ultrafast", "tune": "zerolatency", "profile": "baseline", "crf": "24",
        "forced-idr": "1", "x264-params": "scenecut=0",
    },
    "h264_nvenc": {"preset": "p1", "tune": "ull", "zerolatency": "1", "forced-idr": "1", "delay": "0"},
    "h264_qsv": {"preset": "veryfast", "async_depth": "1", "forced_idr": "1", "look_ahead": "0"},
}  # fmt: skip

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rate:
    """What an encoder is to keep to."""

    fps: float
    bitrate_kbps: int


@dataclass(frozen=True, slots=True)
class Coded:
    """One picture in decoding order; there are no others between, so it is also that of showing."""

    data: bytes
    """An access unit as ITU-T H.264 annex B has it."""
    pts: int
    """In 1/90000 s."""
    keyframe: bool


class H264Encoder:
    """Encodes paintings of one format. Belongs to one thread."""

    def __init__(self, context: VideoCodecContext, layout: FrameFormat) -> None:
        """``context`` as `configure` left it."""
        self.layout = layout
        self._context = context
        self._keyframe_at: int | None = None

    @property
    def name(self) -> str:
        """FFmpeg's name."""
        return str(self._context.name)

    def packets(self, painting: Painting, pts: int, *, keyframe: bool) -> list[av.Packet[VideoStream]]:
        """Encode one. Raises `av.error.FFmpegError`."""
        frame = as_frame(painting, pts)
        if keyframe or self._keyframe_at is None or pts - self._keyframe_at >= KEYFRAME_EVERY:
            self._keyframe_at = pts
            frame.pict_type = PictureType.I
        return list(self._context.encode(frame))

    def encode(self, painting: Painting, pts: int, *, keyframe: bool) -> list[Coded]:
        """As `packets`."""
        packets = self.packets(painting, pts, keyframe=keyframe)
        return [Coded(bytes(packet), packet.pts or 0, packet.is_keyframe) for packet in packets]


def open_encoder(names: tuple[str, ...], layout: FrameFormat, rate: Rate) -> H264Encoder:
    """The first of ``names`` that encodes a gray picture here. Raises EdgedError when none does."""
    for name in names:
        try:
            _try(name, layout, rate)
            return H264Encoder(_context(name, layout, rate), layout)
        except (av.error.FFmpegError, ValueError) as error:
            log.warning("%s does not encode here: %s", name, getattr(error, "strerror", None) or error)
    raise EdgedError(f"nothing encodes H.264 here: tried {', '.join(names)}")


def options_of(name: str, rate: Rate) -> dict[str, str]:
    """FFmpeg's, by encoder; the buffer is a second long, so that a keyframe finds room."""
    kbps = f"{rate.bitrate_kbps}k"
    options = {**_OPTIONS.get(name, {}), "maxrate": kbps, "bufsize": kbps}
    return options if name == SOFTWARE else {**options, "b": kbps}


def configure(context: VideoCodecContext, layout: FrameFormat, rate: Rate) -> None:
    """Before it is opened."""
    context.width, context.height = layout.width, layout.height
    context.pix_fmt = "yuv420p" if context.name != "h264_qsv" else "nv12"
    context.time_base = TIME_BASE
    context.framerate = Fraction(rate.fps).limit_denominator(1001)
    context.gop_size = _GOP
    context.max_b_frames = 0
    context.thread_count = 1
    context.color_range = int(layout.color_range)
    context.colorspace = int(layout.color_matrix)


def _context(name: str, layout: FrameFormat, rate: Rate) -> VideoCodecContext:
    context = av.CodecContext.create(name, "w")
    if not isinstance(context, VideoCodecContext):
        raise ValueError(f"{name} encodes no video")
    configure(context, layout, rate)
    context.options = options_of(name, rate)
    return context


def _try(name: str, layout: FrameFormat, rate: Rate) -> None:
    if name == SOFTWARE:
        return
    context = _context(name, layout, rate)
    gray = Painting(np.full(layout.frame_bytes, 128, dtype=np.uint8), layout)
    for number in range(2):
        context.encode(as_frame(gray, number * 6000))


def as_frame(painting: Painting, pts: int) -> av.VideoFrame:
    """A copy in FFmpeg's memory, whose rows it aligns."""
    layout = painting.format
    frame = av.VideoFrame(layout.width, layout.height, "yuv420p")
    sides = planes(painting.pixels, layout)
    for plane, pixels in zip(frame.planes, sides, strict=True):
        height, width = pixels.shape
        rows = np.frombuffer(memoryview(plane), dtype=np.uint8).reshape(-1, plane.line_size)
        rows[:height, :width] = pixels
    frame.pts, frame.time_base = pts, TIME_BASE
    frame.color_range, frame.colorspace = int(layout.color_range), int(layout.color_matrix)
    return frame
