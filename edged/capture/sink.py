"""Where decoded frames go: onto the frame track, if some job needs them."""

from __future__ import annotations

import time
from functools import partial

from av import VideoFrame

from edged.capture.clock import SourceClock
from edged.capture.copying import Copier
from edged.capture.counters import Counters
from edged.capture.demand import is_wanted
from edged.capture.handshake import Handshake
from edged.model.capturing import CaptureSpec, Demand
from edged.model.frame import FrameFormat, FrameHeader
from edged.model.gauges import CaptureGauge
from edged.types import MonotonicNs, WallNs


class FrameSink:
    """Copies the wanted frames. The newest wanted one without a track is kept until there is one."""

    def __init__(self, handshake: Handshake, counters: Counters) -> None:
        self._handshake = handshake
        self._counters = counters
        self._copier = Copier()
        self._demand = Demand()
        self._format = FrameFormat(0, 0)
        self._waiting: tuple[FrameHeader, VideoFrame] | None = None

    @property
    def needs_track(self) -> bool:
        """Whether a frame that is put now would be in want of a track."""
        return not self._demand.nothing and not self._handshake.ready

    def apply(self, spec: CaptureSpec) -> None:
        self._demand = spec.demand
        self._copier.set_output(spec.size, spec.masks)

    def prepare(self, frame: VideoFrame) -> FrameFormat:
        """See to it that there is, or will be, a track for frames like this one; in this format."""
        self._format = self._copier.format_of(frame)
        self._handshake.ask(self._format)
        return self._format

    def adopt(self) -> None:
        """Take the track that main offered, if it did."""
        if self._handshake.adopt(keep_keyframes=self._demand.keep_keyframes) and self._waiting is not None:
            header, frame = self._waiting
            self._waiting = None
            if header.format == self._format:
                self._write(header, frame)

    def header_if_wanted(self, clock: SourceClock, captured_ns: int) -> FrameHeader | None:
        """The header of the frame that `prepare` and the clock saw last; None: no job needs it."""
        wall_ns = time.time_ns() - (time.monotonic_ns() - captured_ns)
        header = clock.header(self._format, MonotonicNs(captured_ns), WallNs(wall_ns))
        return header if is_wanted(self._demand, header) else None

    def put(self, header: FrameHeader, frame: VideoFrame) -> None:
        """Onto the track, or kept until there is one."""
        if self._handshake.ready:
            self._write(header, frame)
            return
        if self._waiting is not None:
            self._counters.add(CaptureGauge.DROPPED)
        self._waiting = (header, frame)

    def close(self) -> None:
        self._waiting = None
        self._handshake.close()

    def _write(self, header: FrameHeader, frame: VideoFrame) -> None:
        copy = partial(self._copier.copy, frame)
        written = self._handshake.write(header, copy, keep_keyframes=self._demand.keep_keyframes)
        self._counters.add(CaptureGauge.COPIED if written else CaptureGauge.DROPPED)
