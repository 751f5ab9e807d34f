"""Which turns a lane counts as lost: those of frames that nobody saw, and each once."""

from __future__ import annotations

from dataclasses import replace
from unittest.mock import Mock

from edged.model.frame import FrameFormat
from edged.model.messages import JobSpec
from edged.model.sampling import Sampling
from edged.track.feed import Feed
from edged.worker.backlog import Backlog
from edged.worker.chain import Chain, Emissions
from edged.worker.lane import Due, Lane
from edged.worker.tally import Skip, Tally
from tests.pictures import header_of

FIRST = header_of(FrameFormat(64, 48))
FPS = 20


def test_another_sampling_loses_no_turn_that_the_old_one_took() -> None:
    spec = JobSpec("p", ("gate",), (), Sampling(interval_us=0))
    tally, backlog = Tally(0), Backlog[Due]()
    lane = Lane(spec, "gate", Chain([], Emissions()), tally, since_ns=0)

    def look(index: int, *, gap: bool) -> None:
        later_us = index * 1_000_000 // FPS
        at = replace(
            FIRST,
            index=FIRST.first_index + index,
            pts_us=FIRST.t0_us + later_us,
            captured_ns=1_000_000_000 + later_us * 1000,
        )
        lane.look(at, Mock(spec=Feed), backlog, gap=gap)

    look(3, gap=True)
    assert tally.skipped[Skip.OVERRUN] == 3, "it was there before its source"
    for index in range(4, 100):
        look(index, gap=False)
    lane.take_over(replace(spec, sampling=Sampling(interval_us=0, count=2)))
    look(101, gap=True)
    assert tally.skipped[Skip.OVERRUN] == 3
