"""A video, as the frames that somebody needs, each with what it is due for."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from av import VideoFrame

from edged.algorithm.frame import Frame
from edged.capture.clock import SourceClock
from edged.capture.copying import Copier
from edged.model.frame import FrameHeader
from edged.model.sampling import Sampling
from edged.model.schedule import Schedule, Verdict
from edged.offline.footage import Video
from edged.types import MonotonicNs, WallNs


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a video, on the video's own clock: its first frame is at 0."""

    start_us: int = 0
    end_us: int | None = None
    """The first that is not in it any more; None: to the end."""

    def holds(self, at_us: int) -> bool:
        return self.start_us <= at_us and (self.end_us is None or at_us < self.end_us)


@dataclass(frozen=True, slots=True)
class Look:
    """A frame that is due for something, or that is wanted anyway."""

    header: FrameHeader
    windows: tuple[tuple[Frame, ...], ...]
    """One for each sampling: oldest first, the last is this frame; empty: not due for it."""
    frame: Frame | None
    """This frame; None: not even a window needs its pixels."""


class Reader:
    """Reads a video once, in order. The numbers in its headers are those of a realtime source."""

    def __init__(
        self,
        video: Video,
        samplings: Sequence[Sampling],
        *,
        every_frame: bool = False,
        span: Span | None = None,
    ) -> None:
        """``every_frame``: frames that are due for nothing are given, too."""
        self._video = video
        self._samplings = tuple(samplings)
        self._every_frame = every_frame
        self._span = span or Span()

    def looks(self) -> Iterator[Look]:
        """Raises `SourceUnavailable` for a video that breaks off."""
        clock, copier = SourceClock(), Copier()
        clock.open(live=False, frame_us=self._video.frame_us)
        schedules = [Schedule(sampling) for sampling in self._samplings]
        reach = max((sampling.reach for sampling in self._samplings), default=1)
        kept: deque[Frame] = deque(maxlen=reach)
        for picture, stamp, keyframe in self._video.pictures():
            clock.tick(stamp, time.monotonic_ns(), keyframe=keyframe)
            frame = _frame(picture, clock, copier)
            kept.append(frame)
            due = [schedule.look(frame.header) is Verdict.RUN for schedule in schedules]
            if not self._span.holds(frame.header.pts_us):
                continue
            windows = tuple(
                _window(kept, sampling) if runs else ()
                for sampling, runs in zip(self._samplings, due, strict=True)
            )
            if self._every_frame or any(due):
                yield Look(frame.header, windows, frame)


def _window(kept: Sequence[Frame], sampling: Sampling) -> tuple[Frame, ...]:
    step = max(sampling.step, 1)
    return tuple(kept[-1 - step * back] for back in range(sampling.count - 1, -1, -1))


def _frame(picture: VideoFrame, clock: SourceClock, copier: Copier) -> Frame:
    layout = copier.format_of(picture)
    pixels = np.empty(layout.frame_bytes, dtype=np.uint8)
    copier.copy(picture, pixels)
    header = clock.header(layout, MonotonicNs(time.monotonic_ns()), WallNs(time.time_ns()))
    return Frame(header, pixels)
