"""Asking for a frame track and taking what is offered, over a real channel; no descriptor is left behind."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from edged.capture.clock import SourceClock
from edged.capture.controls import Controls
from edged.capture.handshake import Handshake
from edged.model.capturing import CaptureSpec, TrackOffer, TrackRequest
from edged.model.frame import FrameFormat, FrameHeader
from edged.model.messages import Stop
from edged.supervise.channel import Channel
from edged.supervise.wire import Decoder
from edged.track.memory import allocate
from edged.types import MonotonicNs, WallNs

SMALL = FrameFormat(32, 16)
LARGE = FrameFormat(64, 32)


@dataclass
class Ends:
    main: Channel
    controls: Controls
    handshake: Handshake

    def offer(self, generation: int, layout: FrameFormat) -> None:
        memfd = allocate(layout, 2)
        wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.main.send(TrackOffer("cam", generation, 2, layout), (memfd, wake))
        os.close(memfd)
        os.close(wake)
        self.controls.poll()

    def asked(self) -> list[FrameFormat]:
        formats = []
        while (packet := self.main.receive()) is not None:
            message = Decoder((TrackRequest,)).decode(packet.body)
            assert isinstance(message, TrackRequest)
            formats.append(message.format)
        return formats


@pytest.fixture
def ends() -> Iterator[Ends]:
    before = _open_fds()
    main, theirs = Channel.pair()
    channel = Channel(theirs)
    controls = Controls(channel)
    handshake = Handshake(channel, controls)
    yield Ends(main, controls, handshake)
    handshake.close()
    controls.close()
    main.close()
    channel.close()
    assert _open_fds() == before, "every descriptor that came is closed"


def _open_fds() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def header(layout: FrameFormat) -> FrameHeader:
    clock = SourceClock()
    clock.tick(0, 0, keyframe=True)
    return clock.header(layout, MonotonicNs(1), WallNs(1))


def fill(pixels: np.ndarray) -> None:
    pixels[:] = 9


def test_it_asks_once_for_each_format(ends: Ends) -> None:
    for layout in (SMALL, FrameFormat(32, 16), LARGE, LARGE, SMALL):
        ends.handshake.ask(layout)
    assert ends.asked() == [SMALL, LARGE, SMALL]


def test_it_writes_to_the_newest_track_of_the_format(ends: Ends) -> None:
    ends.handshake.ask(SMALL)
    assert not ends.handshake.write(header(SMALL), fill)
    ends.offer(1, SMALL)
    assert ends.handshake.adopt()
    assert ends.handshake.write(header(SMALL), fill)
    ends.offer(2, SMALL)
    ends.offer(3, SMALL)
    assert ends.handshake.adopt()
    assert not ends.handshake.adopt(), "an offer is taken once"
    assert ends.handshake.write(header(SMALL), fill)


def test_an_offer_for_what_the_frames_no_longer_are_is_let_go(ends: Ends) -> None:
    ends.handshake.ask(SMALL)
    ends.handshake.ask(LARGE)
    ends.offer(1, SMALL)
    assert not ends.handshake.adopt()
    assert not ends.handshake.ready
    ends.offer(2, LARGE)
    assert ends.handshake.adopt()


def test_another_format_means_that_there_is_no_track_yet(ends: Ends) -> None:
    ends.handshake.ask(SMALL)
    ends.offer(1, SMALL)
    assert ends.handshake.adopt()
    ends.handshake.ask(LARGE)
    assert not ends.handshake.ready


def test_an_offer_that_comes_late_is_not_taken_over_a_newer_one(ends: Ends) -> None:
    ends.handshake.ask(SMALL)
    ends.offer(5, SMALL)
    assert ends.handshake.adopt()
    ends.offer(4, SMALL)
    assert not ends.handshake.adopt()
    assert ends.handshake.ready


def test_offers_that_nobody_takes_are_closed(ends: Ends) -> None:
    for generation in range(5):
        ends.offer(generation, SMALL)


def test_waiting_ends_when_something_comes(ends: Ends) -> None:
    start = time.monotonic()
    assert not ends.controls.wait(0.02)
    assert time.monotonic() - start >= 0.02
    ends.main.send(CaptureSpec(7, "cam", "a.mp4", "a.mp4"))
    assert ends.controls.wait(10.0)
    assert ends.controls.spec.revision == 7
    ends.main.send(Stop())
    assert ends.controls.wait_until(time.monotonic_ns() + 10**10)
    assert ends.controls.stopping
    assert time.monotonic() - start < 5
