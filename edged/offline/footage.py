"""Pictures and videos as the frames that algorithms see."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import av.error
import cv2
import numpy as np
from av import VideoFrame

from edged.algorithm.frame import Frame
from edged.capture.clock import SourceClock
from edged.capture.copying import Copier
from edged.capture.opening import OpenSource, open_source
from edged.capture.sources import plan_open
from edged.errors import SourceUnsupported
from edged.model.capturing import CaptureSpec
from edged.model.sampling import Sampling, is_due
from edged.types import MonotonicNs, WallNs

_LONGEST_OPEN_S = 10.0


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


class Video:
    """A video file, decoded as fast as it goes."""

    def __init__(self, path: Path) -> None:
        """Opens it: use `close`. Raises `SourceUnavailable`, `SourceUnsupported`."""
        spec = CaptureSpec(0, "video", str(path), path.name, timeout_s=_LONGEST_OPEN_S)
        self._source = open_source(plan_open(spec), spec)

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

    def pictures(self) -> Iterator[tuple[VideoFrame, int | None, bool]]:
        """(picture, its stamp in microseconds, whether it is a keyframe), in the order they are shown."""
        for picture, keyframe in _pictures(self._source):
            stamp = None if picture.pts is None else self._source.microseconds(picture.pts)
            yield picture, stamp, keyframe

    def frames(self, interval_us: int) -> Iterator[Frame]:
        """Those that are due for a job of this interval. Each is valid for good."""
        clock, copier = SourceClock(), Copier()
        clock.open(live=False, frame_us=self._source.frame_us)
        sampling = Sampling(interval_us=interval_us)
        for picture, keyframe in _pictures(self._source):
            stamp = None if picture.pts is None else self._source.microseconds(picture.pts)
            clock.tick(stamp, time.monotonic_ns(), keyframe=keyframe)
            header = clock.header(copier.format_of(picture), MonotonicNs(0), WallNs(0))
            if is_due(sampling, header):
                yield _frame(picture, clock, copier)


def open_video(path: Path) -> closing[Video]:
    """``with open_video(path) as video``"""
    return closing(Video(path))


def _pictures(source: OpenSource) -> Iterator[tuple[VideoFrame, bool]]:
    """(picture, whether it is a keyframe), in the order they are shown; what is broken is passed over."""
    while (packet := source.read()) is not None:
        if not source.is_video(packet):
            continue
        try:
            pictures = source.context.decode(packet if packet.size else None)
        except av.error.EOFError:
            return
        except av.error.FFmpegError:
            continue
        for picture in pictures:
            yield picture, bool(picture.key_frame)


def _frame(picture: VideoFrame, clock: SourceClock, copier: Copier) -> Frame:
    layout = copier.format_of(picture)
    pixels = np.empty(layout.frame_bytes, dtype=np.uint8)
    copier.copy(picture, pixels)
    header = clock.header(layout, MonotonicNs(time.monotonic_ns()), WallNs(time.time_ns()))
    return Frame(header, pixels)
