"""A capture in a thread of the test, and a main that answers it with real frame tracks."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edged.capture.pacing import LATE_NS
from edged.capture.run import run
from edged.model.capturing import (
    CaptureSpec,
    ClipReport,
    Demand,
    RecorderReport,
    Recording,
    SourceReport,
    SourceState,
    TrackOffer,
    TrackRequest,
)
from edged.model.frame import FrameFormat, FrameHeader
from edged.model.gauges import CaptureGauge
from edged.model.messages import Stop
from edged.model.redact import redact_url
from edged.model.sampling import Sampling
from edged.supervise.channel import Channel
from edged.supervise.heartbeat import Heartbeat, make_page
from edged.supervise.wire import Decoder
from edged.track.memory import allocate
from edged.track.reader import Missing, TrackReader
from tests.stopwatch import HANGS_S, Stopwatch

DECODER = Decoder((SourceReport, TrackRequest, ClipReport, RecorderReport))
EVERY = Demand(every_frame=True)
WHOLE = Recording(1e10)
"""Segments end at whole multiples of this on the wall clock: none does while we live."""


def each(interval_s: float, **sampling: Any) -> Demand:
    """The due frames of one interval."""
    return Demand(samplings=(Sampling(int(interval_s * 1e6), **sampling),))


def spec(url: str | Path, demand: Demand = EVERY, **fields: Any) -> CaptureSpec:
    return CaptureSpec(1, "cam", str(url), redact_url(str(url)), demand=demand, **fields)


@dataclass
class Desk:
    """Plays main: answers requests (unless told not to), keeps reports, headers and pictures."""

    channel: Channel
    heartbeat: Heartbeat
    slots: int = 64
    """More than a busy machine makes it late by."""
    answering: bool = True
    keep_pixels: bool = False
    reports: list[SourceReport] = field(default_factory=list)
    requests: list[FrameFormat] = field(default_factory=list)
    clips: list[ClipReport] = field(default_factory=list)
    recorder: list[RecorderReport] = field(default_factory=list)
    frames: list[FrameHeader] = field(default_factory=list)
    pixels: list[NDArray[np.uint8]] = field(default_factory=list)
    seen_ns: list[int] = field(default_factory=list)
    deadlines_missed: int = 0
    raised: list[BaseException] = field(default_factory=list)
    """What ended the capture."""
    _generation: int = 0
    _reader: TrackReader | None = None
    _wake: int = -1

    def send(self, new: CaptureSpec) -> None:
        self.channel.send(new, wait_s=1)

    def offer(self, frame_format: FrameFormat) -> None:
        self._let_go()
        self._generation += 1
        memfd = allocate(frame_format, self.slots)
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        offer = TrackOffer("cam", self._generation, self.slots, frame_format)
        self.channel.send(offer, (memfd, self._wake), wait_s=1)
        self._reader = TrackReader(memfd, frame_format, self.slots).open()

    def turn(self) -> None:
        """Take in what there is."""
        while (packet := self.channel.receive(wait_s=0.002)) is not None:
            message = DECODER.decode(packet.body)
            if isinstance(message, SourceReport):
                self.reports.append(message)
            elif isinstance(message, ClipReport):
                self.clips.append(message)
            elif isinstance(message, RecorderReport):
                self.recorder.append(message)
            elif isinstance(message, TrackRequest):
                self.requests.append(message.format)
                if self.answering:
                    self.offer(message.format)
        self.read()
        self.deadlines_missed += self.heartbeat.overdue(time.monotonic_ns()) is not None

    def until(self, met: Callable[[], bool], for_s: float = HANGS_S) -> None:
        """Turn until ``met``; AssertionError when that takes too long."""
        deadline = time.monotonic() + for_s
        while not met():
            self.turn()
            assert not self.raised, self.raised
            assert time.monotonic() < deadline, (self.reports, len(self.frames), self.gauges())

    def until_state(self, state: SourceState, for_s: float = HANGS_S) -> SourceReport:
        self.until(lambda: bool(self.reports) and self.reports[-1].state is state, for_s)
        return self.reports[-1]

    def turn_for(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.turn()

    def gauge(self, gauge: CaptureGauge) -> int:
        return self.heartbeat.gauges[gauge]

    def gauges(self) -> dict[str, int]:
        return {gauge.name: self.heartbeat.gauges[gauge] for gauge in CaptureGauge}

    def on_track(self) -> list[int]:
        """The indexes of the frames that are on the newest track now."""
        assert self._reader is not None
        return [header.index for header in self._reader.headers(-1)]

    def close(self) -> None:
        self._let_go()
        self.channel.close()

    def read(self) -> None:
        """Take the new frames off the track."""
        if self._reader is None:
            return
        after = self.frames[-1].index if self.frames else -1
        for header in self._reader.headers(after):
            if self.keep_pixels:
                window = self._reader.lease([header.index])
                assert not isinstance(window, Missing), window
                self.pixels.append(window.frames[0].pixels.copy())
                window.release()
            self.frames.append(header)
            self.seen_ns.append(time.monotonic_ns())

    def _let_go(self) -> None:
        if self._reader is not None:
            self.read()
            self._reader.close()
            self._reader = None
            os.close(self._wake)


@contextmanager
def capture(first: CaptureSpec, **desk: Any) -> Iterator[Desk]:
    """Runs a capture until the block is left; then it must stop within 3 s and raise nothing."""
    ours, theirs = Channel.pair()
    page = make_page()
    heartbeat = Heartbeat(page)
    os.close(page)
    main = Desk(ours, heartbeat, **desk)
    child = Channel(theirs)

    def body() -> None:
        try:
            run(child, heartbeat)
        except BaseException as error:  # noqa: BLE001  # for the test to see
            main.raised.append(error)

    thread = threading.Thread(target=body, daemon=True)
    main.send(first)
    thread.start()
    try:
        yield main
    finally:
        main.channel.send(Stop(), wait_s=1)
        watch = Stopwatch()
        while thread.is_alive() and watch.is_within(3):
            thread.join(0.05)
        stopped = not thread.is_alive()
        main.close()
        child.close()
    assert stopped, "it did not stop within 3 s"
    assert not main.raised, main.raised


def changed(before: CaptureSpec, **fields: Any) -> CaptureSpec:
    return replace(before, revision=before.revision + 1, **fields)


def assert_kept_pace(frames: Sequence[FrameHeader]) -> None:
    """Each was captured when it was due.

    Unless the machine held everything up for more than a second: then what follows is shifted.
    """
    for before, after in pairwise(frames):
        late_ns = after.captured_ns - before.captured_ns - (after.pts_us - before.pts_us) * 1000
        assert abs(late_ns) < 2_000 or late_ns > LATE_NS, (after.index, late_ns)
