"""Opening a source as its plan says, and reading its packets."""

from __future__ import annotations

import errno
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from fractions import Fraction
from importlib import import_module
from typing import Any, cast

import av
import av.error
from av import Packet
from av.container import InputContainer
from av.stream import Disposition
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from edged.capture.explain import as_policy
from edged.capture.hwaccel import find_hwaccel
from edged.capture.sources import OpenPlan
from edged.errors import SourceUnavailable, SourceUnsupported
from edged.model.capturing import CaptureSpec

_HIGHEST_RATE = 1000
"""Streams without a rate often claim that of their time base."""


_CLOCK = re.compile(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)$")
"""Matroska's way to tell durations."""
_UNMARKED = ("wrapped_avframe", "png")
"""Codecs without any but keyframes of which FFmpeg does not say so."""
_REFUSED = (av.error.HTTPUnauthorizedError, av.error.HTTPForbiddenError)


class LoginRefused(SourceUnavailable):
    """User or password is wrong: tried again, but slowly, because cameras lock users out."""


class OpenSource:
    """An open container and its one video stream. Made by `open_source`; whoever made it closes it."""

    def __init__(
        self,
        plan: OpenPlan,
        redacted_url: str,
        container: InputContainer,
        stream: VideoStream,
        opened: ExitStack,
    ) -> None:
        self.plan = plan
        self._redacted_url = redacted_url
        self._container = container
        self._stream = stream
        self._opened = opened
        self._base = stream.time_base or Fraction(1, 1_000_000)
        self._packets: Iterator[Packet[VideoStream]] | None = None
        rate = stream.average_rate or stream.guessed_rate
        self.fps = float(rate) if rate and rate <= _HIGHEST_RATE else 0.0
        """As the stream says; 0: it does not."""
        codec = stream.codec_context.codec
        self._all_keyframes = codec.intra_only or codec.name in _UNMARKED
        self.frames = stream.frames
        """As a file says; 0: it does not."""
        self.start_us = self.microseconds(stream.start_time or 0)
        """The stamp of its first picture, as far as it is known."""
        self.is_broken_off = False
        """It ended where it cannot be read any more."""

    @property
    def context(self) -> VideoCodecContext:
        return self._stream.codec_context

    @property
    def stream(self) -> VideoStream:
        """Gone when the source is closed."""
        return self._stream

    @property
    def time_base(self) -> Fraction:
        return self._base

    @property
    def duration_s(self) -> float:
        """As a file says; 0: it does not."""
        return (self._container.duration or 0) / av.time_base

    @property
    def video_s(self) -> float:
        """How long its pictures last, as the file says; 0: it does not."""
        if self._container.format.name == "avi" and self.fps:  # its own idea is made of the file's size
            return self.frames / self.fps
        if self._stream.duration:
            return float(self._stream.duration * self._base)
        said = _CLOCK.match(self._stream.metadata.get("DURATION", ""))
        if said is not None:
            return int(said[1]) * 3600 + int(said[2]) * 60 + float(said[3])
        return self.duration_s if len(self._container.streams) == 1 else 0.0

    @property
    def frame_us(self) -> int:
        """How long a frame lasts where no stamp tells."""
        return int(1_000_000 / self.fps) if self.fps else 40_000

    def is_video(self, packet: Packet[VideoStream]) -> bool:
        return packet.stream_index == self._stream.index

    def is_keyframe(self, packet: Packet[VideoStream]) -> bool:
        """Whether its picture can be decoded alone."""
        return self._all_keyframes or packet.is_keyframe

    def microseconds(self, stamp: int) -> int:
        """A stamp on the stream's time base, rounded down."""
        return stamp * 1_000_000 * self._base.numerator // self._base.denominator

    def read(self) -> Packet[VideoStream] | None:
        """The next packet, of any stream where the source is live; None: the end.

        An empty one asks the decoder for its rest. Raises `SourceUnavailable` when the source is
        lost or silent.
        """
        if self._packets is None:
            # Of a live source all streams are read, so that sound without pictures counts as silence.
            streams = () if self.plan.live else (self._stream,)
            self._packets = cast("Iterator[Packet[VideoStream]]", self._container.demux(*streams))
        asked_s = time.monotonic()
        try:
            packet = next(self._packets, None)
        except av.error.InvalidDataError:
            self.is_broken_off = True
            return None  # broken off in the middle: what follows cannot be read
        except (av.error.FFmpegError, OSError) as error:
            raise SourceUnavailable(self._explain(error)) from None
        if self.plan.live and time.monotonic() - asked_s > self.plan.read_timeout_s:
            # A read that times out gives what the parser still held and forgets its error: asked again,
            # it would wait as long once more (measured with RTSP).
            raise SourceUnavailable(self._explain(av.error.TimeoutError(errno.ETIMEDOUT, "silent")))
        return packet

    def close(self) -> None:
        """Say good-bye (RTSP: TEARDOWN) and free everything."""
        self._packets = None
        self._opened.close()

    def _explain(self, error: Exception) -> str:
        return str(as_policy(error, self._redacted_url, self.plan.options.get("rtsp_transport", "")))


def open_source(plan: OpenPlan, spec: CaptureSpec) -> OpenSource:
    """Open and probe. Raises `SourceUnavailable` or `SourceUnsupported`, without credentials in it.

    Takes at most about twice ``plan.open_timeout_s``, unless something hangs that FFmpeg cannot
    interrupt: then the heartbeat's deadline ends this process.
    """
    with ExitStack() as opened:
        container = opened.enter_context(_open(plan, spec, opened))
        stream = _choose(container, plan)
        return OpenSource(plan, spec.redacted_url, container, stream, opened.pop_all())


def _open(plan: OpenPlan, spec: CaptureSpec, opened: ExitStack) -> InputContainer:
    hwaccel = find_hwaccel(spec.hwaccel)
    try:
        return av.open(
            opened.enter_context(closing(_connect(plan))) if plan.connector else plan.url,
            format=plan.format,
            options=plan.options,
            timeout=(plan.open_timeout_s, plan.read_timeout_s),
            hwaccel=hwaccel,
        )
    except (av.error.FFmpegError, OSError, ValueError) as error:
        policy = as_policy(error, spec.redacted_url, plan.options.get("rtsp_transport", ""))
        # without its cause, which holds the address
        raise (LoginRefused(str(policy)) if isinstance(error, _REFUSED) else policy) from None


def _connect(plan: OpenPlan) -> Any:
    module, _, function = plan.connector.partition(":")
    return getattr(import_module(module), function)(plan)


def _choose(container: InputContainer, plan: OpenPlan) -> VideoStream:
    videos = [
        stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic
    ]
    if not videos:
        problem = "there is no video stream in it"
        raise SourceUnavailable(problem) if plan.live else SourceUnsupported(problem)
    stream = videos[0]
    if stream.codec_context is None:
        raise SourceUnsupported("there is no decoder for its codec here")
    # More threads would hold frames back (frame threads) or idle (one slice per picture is the rule).
    stream.codec_context.thread_type = "SLICE"
    stream.codec_context.thread_count = 1
    return stream
