"""Pushes a live picture to a server, and goes on trying while it is away.

FFmpeg holds the interpreter while it speaks with a server, and not every protocol has a limit for that: so
a push has a process of its own, and says on the heartbeat before each call how long it may take.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

import av
import av.error
from av.container import OutputContainer
from av.video.stream import VideoStream

from edged.errors import EdgedError
from edged.model.live import OutputSpec
from edged.output.encoders import SOFTWARE, candidates, hardware_present
from edged.output.h264 import H264Encoder, Rate, configure, options_of
from edged.output.pacing import Timeline
from edged.output.painting import Painting
from edged.supervise.backoff import Backoff

CONNECT_S = 15.0
_IO_S = 10.0
_STEADY_S = 10.0
_LANE = 1
_FORMATS = {"rtsp": "rtsp", "rtsps": "rtsp", "rtmp": "flv", "rtmps": "flv"}
_WAY = {"rtsp": {"rtsp_transport": "tcp", "timeout": "10000000"}, "flv": {"flvflags": "no_duration_filesize"}}

log = logging.getLogger(__name__)


class Retry:
    """When a push that was lost is tried again. Pure: it is told the time."""

    def __init__(self, backoff: Backoff | None = None) -> None:
        self._backoff = backoff or Backoff(0.5, 30.0, floor_s=0.5)
        self._again_s = 0.0
        self._connected_s: float | None = None

    @property
    def again_s(self) -> float:
        """Until when it is not tried, on the clock that it is told."""
        return self._again_s

    def may(self, now_s: float) -> bool:
        return now_s >= self._again_s

    def connected(self, now_s: float) -> None:
        self._connected_s = now_s

    def lost(self, now_s: float) -> float:
        """It failed, or broke off; how long it is not tried."""
        if self._connected_s is not None and now_s - self._connected_s >= _STEADY_S:
            self._backoff.reset()
        self._connected_s = None
        delay_s = self._backoff.next_delay_s()
        self._again_s = now_s + delay_s
        return delay_s


@dataclass(slots=True)
class _Line:
    """One connection."""

    container: OutputContainer
    stream: VideoStream
    encoder: H264Encoder
    begins: int
    """pts of its first picture, in 1/90000 s; on the line it is 0."""


class PushMaker:
    """A `Maker` that speaks with one server. It is connected while there are pictures."""

    def __init__(self, spec: OutputSpec, beat: Callable[[str, float, int], None]) -> None:
        """``beat(phase, for_s, lane)`` before what may hang; 0 s: it is over."""
        self._spec = spec
        self._beat = beat
        self._retry = Retry()
        self._rate = Rate(spec.fps, spec.bitrate_kbps)
        self._timeline = Timeline(spec.fps)
        self._line: _Line | None = None
        self._without: set[str] = set()
        """Encoders that did not work here."""

    @property
    def encoder(self) -> str:
        """See `Maker`."""
        return self._line.encoder.name if self._line is not None else ""

    @property
    def again_ns(self) -> int:
        """See `Maker`."""
        return int(self._retry.again_s * 1e9)

    def make(self, painting: Painting, pts_us: int, *, keyframe: bool) -> int:
        """See `Maker`; 0 bytes while it is not yet to be tried again."""
        if self._line is not None and self._line.encoder.layout != painting.format:
            self.rest()
        if self._line is None and not self._retry.may(time.monotonic()):
            return 0
        pts = self._timeline.at(pts_us)
        try:
            if self._line is None:
                self._line = self._connect(painting, pts)
                self._retry.connected(time.monotonic())
            return self._send(self._line, painting, pts, keyframe=keyframe)
        except (av.error.FFmpegError, OSError, ValueError) as error:
            self.rest()
            self._retry.lost(time.monotonic())
            raise EdgedError(why(error, self._spec.redacted_url)) from None
        finally:
            self._beat("", 0.0, _LANE)

    def rest(self) -> None:
        """See `Maker`."""
        line, self._line = self._line, None
        if line is not None:
            self._close(line.container)

    def _connect(self, painting: Painting, pts: int) -> _Line:
        """One attempt."""
        kind = _FORMATS[self._spec.url.partition("://")[0]]
        self._beat("connect", CONNECT_S, _LANE)
        container = av.open(self._spec.url, "w", format=kind, options=_WAY[kind], timeout=(_IO_S, _IO_S))
        try:
            stream = self._add_stream(container, painting)
            container.start_encoding()  # speaks with the server
        except BaseException:
            self._close(container)
            raise
        return _Line(container, stream, H264Encoder(stream.codec_context, painting.format), pts)

    def _add_stream(self, container: OutputContainer, painting: Painting) -> VideoStream:
        names = candidates(self._spec.encoder, hardware_present())
        name = next((name for name in names if name not in self._without), SOFTWARE)
        stream = container.add_stream(name, rate=max(1, round(self._rate.fps)))
        if not isinstance(stream, VideoStream):
            raise ValueError(f"{name} encodes no video")
        stream.codec_context.options = options_of(name, self._rate)
        configure(stream.codec_context, painting.format, self._rate)
        try:
            stream.codec_context.open()
        except (av.error.FFmpegError, ValueError):
            if name != SOFTWARE:
                self._without.add(name)
                log.warning("%s does not encode here", name)
            raise
        return stream

    def _send(self, line: _Line, painting: Painting, pts: int, *, keyframe: bool) -> int:
        size = 0
        for packet in line.encoder.packets(painting, pts - line.begins, keyframe=keyframe):
            packet.stream = line.stream
            size += packet.size
            self._beat("send", _IO_S, _LANE)
            line.container.mux_one(packet)
        return size

    def _close(self, container: OutputContainer) -> None:
        self._beat("close", _IO_S, _LANE)
        try:
            container.close()
        except (av.error.FFmpegError, OSError, ValueError):
            log.debug("%s broke off without a goodbye", self._spec.redacted_url)


_REASONS: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str], ...] = (
    (av.error.HTTPUnauthorizedError, "the server refuses this user or password (401): check both in the url"),
    (av.error.HTTPForbiddenError, "the server does not let this user publish (403)"),
    (av.error.HTTPNotFoundError, "the server takes no stream at this path (404)"),
    (av.error.HTTPClientError, "the server refuses to be pushed to (4xx): check that it lets one publish"),
    (av.error.HTTPServerError, "the server failed (5xx)"),
    (av.error.ConnectionRefusedError, "nothing listens there: check host and port, and that the server runs"),
    ((av.error.TimeoutError, av.error.ExitError), "the server does not answer in time"),
    (
        (av.error.BrokenPipeError, av.error.ConnectionResetError, av.error.EOFError),
        "the server cut the connection",
    ),
    (av.error.InvalidDataError, "the server gives no proper answer, or none in time"),
    (
        av.error.OSError,
        "the server cannot be reached, or broke off: check the name, the network and that it runs",
    ),
)


def why(error: BaseException, redacted_url: str) -> str:
    """In words that hold no credentials: FFmpeg's own texts name the address, password included."""
    for kinds, text in _REASONS:
        if isinstance(error, kinds):
            return f"{redacted_url}: {text}"
    return f"{redacted_url}: {type(error).__name__}"
