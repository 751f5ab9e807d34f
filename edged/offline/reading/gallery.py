"""The decoded pictures that windows may still need, made frames only when a window does."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

from av import VideoFrame

from edged.algorithm.frame import Frame
from edged.capture.copying import Copier
from edged.model.frame import FrameFormat, FrameHeader
from edged.model.sampling import SampleOn, Sampling, window_indexes
from edged.offline.reading.agenda import Agenda, Moment
from edged.offline.reading.decoded import frame_of
from edged.types import MonotonicNs, WallNs


@dataclass(frozen=True, slots=True)
class Look:
    """A frame that is due for something, or that is wanted anyway."""

    header: FrameHeader
    windows: tuple[tuple[Frame, ...], ...]
    """One for each sampling: oldest first, the last is this frame; empty: not due for it."""
    frame: Frame | None
    """This frame; None: not even a window needs its pixels."""


class _Picture:
    """A decoded picture, made a frame at most once."""

    def __init__(self, header: FrameHeader, picture: VideoFrame) -> None:
        self.header = header
        self._picture: VideoFrame | None = picture
        self._frame: Frame | None = None

    def frame(self, copier: Copier, *, in_place: bool) -> Frame:
        if self._frame is None:
            assert self._picture is not None  # noqa: S101 - one of the two is there
            self._frame = frame_of(self._picture, self.header, copier, in_place=in_place)
            self._picture = None
        return self._frame


class Gallery:
    """Takes the wanted pictures in the order they are shown."""

    def __init__(
        self,
        samplings: Sequence[Sampling],
        agenda: Agenda,
        size: tuple[int, int] | None = None,
        *,
        in_place: bool = False,
    ) -> None:
        """``size``: width and height that they are scaled to; None: as they come. ``in_place``: most frames
        are only scaled down, so pictures are left where the decoder put them, if that can be.
        """
        self._in_place = in_place
        self._samplings = tuple(samplings)
        self._reach = agenda.reach
        self._copier = Copier()
        self._copier.set_output(size, ())
        self._recent: dict[int, _Picture] = {}
        self._keyframes: deque[_Picture] = deque(maxlen=agenda.key_reach)
        self.lacking = 0
        """Windows that were not given because one of their frames could not be decoded."""

    def format_of(self, picture: VideoFrame) -> FrameFormat:
        return self._copier.format_of(picture)

    def show(self, moment: Moment, picture: VideoFrame) -> Look | None:
        """What the frame is due for; None: nothing. Raises SourceUnsupported."""
        header = replace(
            moment.header,
            format=self._copier.format_of(picture),
            captured_ns=MonotonicNs(time.monotonic_ns()),
            captured_wall_ns=WallNs(time.time_ns()),
        )
        newest = _Picture(header, picture)
        self._hang(newest)
        if not moment.given:
            return None
        windows = tuple(
            self._window(sampling, header) if is_due else ()
            for sampling, is_due in zip(self._samplings, moment.due, strict=True)
        )
        return Look(header, windows, self._frame(newest))

    def _frame(self, picture: _Picture) -> Frame:
        return picture.frame(self._copier, in_place=self._in_place)

    def _hang(self, newest: _Picture) -> None:
        oldest = newest.header.index - self._reach + 1
        for index in [index for index in self._recent if index < oldest]:
            del self._recent[index]
        self._recent[newest.header.index] = newest
        if newest.header.keyframe:
            self._keyframes.append(newest)

    def _window(self, sampling: Sampling, newest: FrameHeader) -> tuple[Frame, ...]:
        if sampling.on is SampleOn.KEYFRAMES:
            pictures = {picture.header.key_index: picture for picture in self._keyframes}
            indexes = window_indexes(sampling, newest.key_index)
        else:
            pictures, indexes = self._recent, window_indexes(sampling, newest.index)
        if any(index not in pictures for index in indexes):
            self.lacking += 1
            return ()
        return tuple(self._frame(pictures[index]) for index in indexes)
