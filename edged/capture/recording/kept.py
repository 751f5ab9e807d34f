"""A packet that is kept, and what one must know to write it into a file."""

from __future__ import annotations

import io
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

import av
import av.error
from av import CodecContext, Packet
from av.container import OutputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

_PLAYED_BY_BROWSERS = {
    "h264": "h264",
    "hevc": "hevc",
    "av1": "av1",
    "libdav1d": "av1",
    "libaom-av1": "av1",
    "vp9": "vp9",
    "libvpx-vp9": "vp9",
}
"""By FFmpeg's name of the decoder."""
_MATROSKA_ONLY = {"mjpeg", "vp8", "mpeg4", "mpeg2video", "mpeg1video", "h263", "theora"}
"""No browser plays them in MP4; players play them in Matroska."""
_RAW = {"rawvideo", "wrapped_avframe", "v210", "bitpacked"}


@dataclass(frozen=True, eq=False, slots=True)
class Shape:
    """What the packets have in common that can be in one file. Another one, even an equal one, is another
    file: after a reconnect, where stamps jump, where the parameters of the stream change.
    """

    codec: str
    template: VideoStream
    """Has the parameters of the codec; not the source's own, which end with its container."""
    holder: OutputContainer
    """Of the template; nothing is ever written to it."""
    time_base: Fraction
    extradata: bytes | None = None
    """In place of the template's: what came within the stream."""
    size: tuple[int, int] | None = None
    """Width and height in pixels; None: not known."""

    @property
    def suffix(self) -> str:
        return ".mp4" if self.codec in _PLAYED_BY_BROWSERS.values() else ".mkv"


@dataclass(frozen=True, slots=True)
class Kept:
    """One packet, with nothing of the container that it came from."""

    packet: Packet[VideoStream]
    shape: Shape
    keyframe: bool
    at_ns: int
    """Monotonic: when it came, or of a file that is played, when its picture is due."""
    pts: int
    """In ``shape.time_base``; not below `dts`."""
    dts: int
    """Rises from packet to packet of a shape."""
    duration: int
    """In ``shape.time_base``; 0: unknown."""

    @property
    def bytes(self) -> int:
        return self.packet.size


def copy_of(packet: Packet[VideoStream] | bytes) -> Packet[VideoStream]:
    """With stamps of its own, and the same bytes."""
    return cast("Packet[VideoStream]", Packet(cast("bytes", packet)))  # takes any buffer


def why_not(codec: str) -> str:
    """Why packets of this codec (FFmpeg's name of its decoder) cannot be kept; empty: they can."""
    if codec in _PLAYED_BY_BROWSERS or codec in _MATROSKA_ONLY:
        return ""
    if codec in _RAW:
        return "it sends pictures that are not compressed: have the camera compress them (v4l2://…?input_format=h264)"
    return f"{codec} cannot be kept as it comes: have the camera send H.264"


def shape_of(stream: VideoStream, time_base: Fraction) -> Shape:
    """Of a stream that `why_not` has nothing against. Its parameters are copied: it may be closed."""
    codec = stream.codec_context.name
    # Matroska takes all of these codecs; which container is written is decided at the file
    holder = av.open(io.BytesIO(), "w", format="matroska")
    template = holder.add_stream_from_template(stream, opaque=True)
    context = stream.codec_context
    size = (context.width, context.height) if context.width and context.height else None
    return Shape(_PLAYED_BY_BROWSERS.get(codec, codec), template, holder, time_base, None, size)


def size_of(packet: Packet[VideoStream], shape: Shape) -> tuple[int, int] | None:
    """Of the picture of a keyframe, by decoding it alone; None: it cannot be decoded."""
    decoder = shape.template.codec_context.codec.name
    context = cast("VideoCodecContext", CodecContext.create(decoder, "r"))
    context.extradata = shape.extradata or shape.template.codec_context.extradata
    try:
        pictures = [*context.decode(copy_of(packet)), *context.decode(None)]
    except av.error.FFmpegError:
        return None
    return (pictures[0].width, pictures[0].height) if pictures else None
