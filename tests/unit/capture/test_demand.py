"""What the jobs of a source need decides what is decoded and copied."""

from __future__ import annotations

import pytest

from edged.capture.clock import SourceClock
from edged.capture.demand import DecodeMode, decode_mode, is_wanted
from edged.model.capturing import Demand
from edged.model.frame import FrameFormat
from edged.model.sampling import SampleOn, Sampling
from edged.types import MonotonicNs, WallNs

KEYED = Sampling(1_000_000, on=SampleOn.KEYFRAMES)


@pytest.mark.parametrize(
    ("demand", "mode"),
    [
        (Demand(), DecodeMode.GLANCE),
        (Demand(keyframes_only=True), DecodeMode.GLANCE),
        (Demand(samplings=(Sampling(),)), DecodeMode.EVERY),
        (Demand(every_frame=True), DecodeMode.EVERY),
        (Demand(samplings=(KEYED,), keyframes_only=True), DecodeMode.KEYFRAMES),
        (Demand(samplings=(KEYED, Sampling())), DecodeMode.EVERY),
        (Demand(every_frame=True, keyframes_only=True), DecodeMode.KEYFRAMES),
    ],
)
def test_what_is_decoded(demand: Demand, mode: DecodeMode) -> None:
    assert decode_mode(demand) is mode


def wanted(demand: Demand, count: int = 60) -> list[int]:
    """Of frames at 10/s with a keyframe every 7."""
    clock = SourceClock()
    clock.open(live=False, frame_us=100_000)
    indexes = []
    for number in range(count):
        clock.tick(number * 100_000, 0, keyframe=number % 7 == 0)
        header = clock.header(FrameFormat(2, 2), MonotonicNs(0), WallNs(0))
        if is_wanted(demand, header):
            indexes.append(number)
    return indexes


def test_what_is_copied() -> None:
    assert wanted(Demand()) == []
    assert wanted(Demand(every_frame=True)) == list(range(60))
    assert wanted(Demand(samplings=(Sampling(1_000_000),))) == [0, 10, 20, 30, 40, 50]
    assert wanted(Demand(samplings=(Sampling(2_000_000), Sampling(3_000_000)))) == [0, 20, 30, 40]
    assert wanted(Demand(samplings=(KEYED,))) == [0, 14, 21, 35, 42, 56]
