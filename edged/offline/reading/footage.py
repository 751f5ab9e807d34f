"""Pictures and videos as the frames that algorithms see."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import av.error
import cv2
import numpy as np
from av import Packet, VideoFrame
from av.video.stream import VideoStream

from edged.algorithm.frame import Frame
from edged.capture.clock import SourceClock
from edged.capture.copying import Copier
from edged.capture.opening import open_source
from edged.capture.sources import plan_whole
from edged.errors import SourceUnavailable, SourceUnsupported
from edged.model.capturing import CaptureSpec
from edged.model.redact import redact_url
from edged.model.sampling import Sampling, is_due
from edged.types import MonotonicNs, WallNs

_LONGEST_WAIT_S = 30.0
_SLACK_US = 500_000
"""A video may end so much before it says."""

log = logging.getLogger("edged.offline")


def read_picture(path: Path) -> Frame:
    """A picture as the one frame of a source. Raises `SourceUnsupported`, OSError."""
    content = np.fromfile(path, dtype=np.uint8)
    pixels = cv2.imdecode(content, cv2.IMREAD_COLOR) if content.size else None
    if pixels is None:
        raise SourceUnsupported(
            f"{path.name} cannot be read as a picture ({content.size} bytes): is it a whole JPEG, PNG, WebP "
            "or BMP? A video is told by the end of its name"
        )
    clock = SourceClock()
    clock.open(live=False, frame_us=40_000)
    clock.tick(0, time.monotonic_ns(), keyframe=True)
    picture = np.asarray(pixels, dtype=np.uint8)
    return _frame(VideoFrame.from_ndarray(picture, format="bgr24"), clock, Copier())


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """What a video says of itself."""

    codec: str
    """FFmpeg's name."""
    width: int
    """As it is coded: a phone's video may be shown turned."""
    height: int
    fps: float
    """0: it does not say, as with all below."""
    duration_s: float
    frames: int
    """About."""


class Video:
    """A video file, or one on a web server, decoded as fast as it goes."""

    def __init__(self, source: Path | str, *, threads: int = 0, timeout_s: float = _LONGEST_WAIT_S) -> None:
        """Opens it: use `close`. ``source``: a path or URL: http(s)://, file://, pattern:// with a duration.

        ``threads`` decode; 0: as many as there are cores for this process. A server is waited for
        ``timeout_s`` at most at each read. Raises `SourceUnavailable`, `SourceUnsupported`, without
        credentials in them.
        """
        url = str(source)
        self.name = redact_url(url)
        """For people: without a password."""
        spec = CaptureSpec(0, "video", url, self.name, timeout_s=timeout_s)
        self._source = open_source(plan_whole(spec), spec)
        self.context = self._source.context
        self.context.thread_type = "AUTO"
        self.context.thread_count = threads or len(os.sched_getaffinity(0))
        self.codec: str = self.context.codec.canonical_name
        self.facts = self._describe()
        """What it says of itself before anything is decoded."""
        self.broken_packets = 0
        """Those that could not be decoded."""
        self._end_us: int | None = None
        self._lost: SourceUnavailable | None = None

    @property
    def seconds(self) -> float:
        """How long it says it is; 0: it does not."""
        return self._source.duration_s

    @property
    def fps(self) -> float:
        """As the stream says; 0: it does not."""
        return self._source.fps

    @property
    def frame_us(self) -> int:
        """How long a frame lasts where no stamp tells."""
        return self._source.frame_us

    def close(self) -> None:
        self._source.close()

    def _describe(self) -> VideoFacts:
        seconds = self._source.video_s or self.seconds
        frames = self._source.frames or round(seconds * self.fps)
        return VideoFacts(self.codec, self.context.width, self.context.height, self.fps, seconds, frames)

    # ---- packets and pictures, for whoever decides itself what is decoded ----

    def is_keyframe(self, packet: Packet[VideoStream]) -> bool:
        return self._source.is_keyframe(packet)

    def microseconds(self, stamp: int) -> int:
        """A stamp on the stream's time base, rounded down."""
        return self._source.microseconds(stamp)

    def packets(self) -> Iterator[Packet[VideoStream]]:
        """Those with pictures in them, in the order they were sent; whether they end too early, `check_end`
        tells.
        """
        while (packet := self._read()) is not None:
            if packet.size and self._source.is_video(packet):
                self._note_end(packet)
                yield packet

    def _read(self) -> Packet[VideoStream] | None:
        try:
            return self._source.read()
        except SourceUnavailable as error:  # what came before is decoded first
            self._lost = error
            return None

    def decode(self, packet: Packet[VideoStream]) -> list[VideoFrame]:
        """The pictures that are complete now, in the order they are shown; what is broken is counted."""
        return self._send(packet)

    def drain(self) -> list[VideoFrame]:
        """The pictures that are held back; afterwards decoding begins anew."""
        pictures = self._send(None)
        self.context.flush_buffers()
        return pictures

    def check_end(self, decoded: int) -> None:
        """After the last packet, of which so many pictures came.

        Raises `SourceUnavailable` if more should have come, `SourceUnsupported` if nothing could be decoded.
        """
        end_us = (self._end_us or 0) - self._source.start_us
        promised_us = int(self._source.video_s * 1e6)
        is_short = end_us + _SLACK_US + 3 * self.frame_us < promised_us
        if self._lost is not None or self._source.is_broken_off or is_short:
            of = f" of {promised_us / 1e6:.1f} s" if promised_us else ""
            why = str(self._lost or "it is not whole")
            raise SourceUnavailable(f"{self.name} breaks off after {end_us / 1e6:.1f} s{of}: {why}")
        if self._end_us is None:
            raise SourceUnsupported(f"there is no picture in {self.name}")
        if not decoded and self.broken_packets:
            raise SourceUnsupported(f"no picture in {self.name} could be decoded")

    def _note_end(self, packet: Packet[VideoStream]) -> None:
        stamp = packet.pts if packet.pts is not None else packet.dts
        end_us = self.microseconds((stamp or 0) + (packet.duration or 0))
        self._end_us = max(self._end_us if self._end_us is not None else end_us, end_us)

    def _send(self, packet: Packet[VideoStream] | None) -> list[VideoFrame]:
        try:
            return self.context.decode(packet)
        except av.error.EOFError:  # drained twice
            return []
        except av.error.FFmpegError as error:
            self.broken_packets += 1
            log.debug("a packet could not be decoded: %s", error.strerror)
            return []

    # ---- everything ----

    def pictures(self) -> Iterator[tuple[VideoFrame, int | None, bool]]:
        """(picture, its stamp in microseconds, whether it is a keyframe), in the order they are shown.

        Raises `SourceUnavailable` where its server is lost.
        """
        for packet in self.packets():
            yield from self._described(self.decode(packet))
        yield from self._described(self.drain())
        if self._lost is not None:
            raise self._lost

    def frames(self, interval_us: int) -> Iterator[Frame]:
        """Those that are due for a job of this interval. Each is valid for good."""
        clock, copier = SourceClock(), Copier()
        clock.open(live=False, frame_us=self._source.frame_us)
        sampling = Sampling(interval_us=interval_us)
        for picture, stamp, keyframe in self.pictures():
            clock.tick(stamp, time.monotonic_ns(), keyframe=keyframe)
            header = clock.header(copier.format_of(picture), MonotonicNs(0), WallNs(0))
            if is_due(sampling, header):
                yield _frame(picture, clock, copier)

    def _described(self, pictures: list[VideoFrame]) -> Iterator[tuple[VideoFrame, int | None, bool]]:
        for picture in pictures:
            stamp = None if picture.pts is None else self._source.microseconds(picture.pts)
            yield picture, stamp, bool(picture.key_frame)


def open_video(source: Path | str, *, threads: int = 0) -> closing[Video]:
    """``with open_video(path) as video``"""
    return closing(Video(source, threads=threads))


def _frame(picture: VideoFrame, clock: SourceClock, copier: Copier) -> Frame:
    layout = copier.format_of(picture)
    pixels = np.empty(layout.frame_bytes, dtype=np.uint8)
    copier.copy(picture, pixels)
    header = clock.header(layout, MonotonicNs(time.monotonic_ns()), WallNs(time.time_ns()))
    return Frame(header, pixels)
