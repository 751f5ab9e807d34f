"""Whose decal is made when: the newest of each lane, in turn, and with rests between them."""

from __future__ import annotations

import os
import select
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edged.algorithm import Algorithm, Context, Frame, Sessions
from edged.algorithm.drawing.decal import NEVER_US, Decal, unpack_decal
from edged.model.detection import Outcome
from edged.model.frame import FrameFormat
from edged.model.messages import JobSpec
from edged.model.output import Output, OutputKind, pack_output, unpack_output
from edged.model.sampling import Sampling
from edged.supervise.channel import Channel
from edged.worker.chain import Chain, Emissions, Link
from edged.worker.decals import Decals, Tracing, Tracings
from edged.worker.lane import Lane
from edged.worker.tally import Tally
from edged.worker.tray import Developed, Tray
from tests.pictures import header_of

HEADER = header_of(FrameFormat(1280, 720))


class Painter(Algorithm):
    """Fills what the outcome says."""

    def run(self, window: Sequence[Frame], before: Outcome) -> Outcome:
        return before

    def draw(self, picture: NDArray[np.uint8], outcome: Outcome) -> None:
        height = picture.shape[0]
        picture[: round(height * outcome.data["share"])] = (0, 0, 255)


class Quiet(Algorithm):
    def run(self, window: Sequence[Frame], before: Outcome) -> Outcome:
        return before


def lane_of(kind: type[Algorithm] = Painter, job: str = "p", source: str = "gate") -> Lane:
    emissions = Emissions()
    context = Context(job, source, Sessions(()), emissions.add)
    chain = Chain([Link(kind.__name__, kind(context, kind.Params()))], emissions, context)
    return Lane(JobSpec(job, (source,), (), Sampling()), source, chain, Tally(0), 0)


def tracing(lane: Lane, share: float = 0.5, done: Callable[..., None] = lambda key, packet: None) -> Tracing:
    return Tracing(lane, HEADER, Outcome(data={"share": share}), done)


def share(each: Tracing | None) -> float | None:
    return None if each is None else float(each.outcome.data["share"])


def test_the_newest_of_each_waits_and_whose_turn_it_is_keeps_it() -> None:
    waiting, one, other = Tracings(), lane_of(job="one"), lane_of(job="other")
    for lane, number in ((one, 1), (other, 2), (one, 3), (one, 4)):
        waiting.put(tracing(lane, number))
    assert [share(waiting.take(0.0)) for _ in range(3)] == [4, 2, None]


@given(took_s=st.floats(0, 10), later_s=st.floats(0, 50), many=st.integers(0, 3))
def test_a_fifth_of_the_time_at_most(took_s: float, later_s: float, many: int) -> None:
    waiting = Tracings()
    for number in range(many):
        waiting.put(tracing(lane_of(job=f"j{number}")))
    waiting.made(took_s, 100.0)
    rest_s = 4 * took_s
    now_s = 100.0 + later_s
    wait_s = waiting.wait_s(now_s, 60.0)
    taken = waiting.take(now_s)
    if not many:
        assert (taken, wait_s) == (None, 60.0)
    elif later_s < rest_s - 1e-6:
        assert taken is None
        assert wait_s == pytest.approx(rest_s - later_s, abs=1e-6)
        assert waiting.take(now_s + wait_s + 1e-6) is not None
    elif later_s > rest_s + 1e-6:
        assert taken is not None
        assert wait_s == 0


def test_it_is_of_the_frame_and_of_what_was_found_on_it() -> None:
    packets: list[bytes] = []
    lane = lane_of()
    made = tracing(lane, 0.5, lambda key, packet: packets.append(packet))
    made.make(lambda picture: lane.chain.draw(picture, made.outcome))
    output = unpack_output(packets[0])
    assert (output.kind, output.job, output.source) == (OutputKind.DECAL, "p", "gate")
    decal = unpack_decal(output.payload)
    assert (decal.width, decal.height, decal.pts_us) == (640, 360, HEADER.pts_us)
    assert decal.pixels.shape == (180, 640, 4)
    assert (decal.pixels == (0, 0, 255, 255)).all()


def decals_in(told: list[bytes]) -> list[Decal]:
    return [unpack_decal(unpack_output(packet).payload) for packet in told]


def test_only_for_who_looks_and_at_once_for_who_begins_to() -> None:
    taken: list[Tracing] = []
    told: list[bytes] = []
    decals = Decals(taken.append, lambda key, packet: told.append(packet))
    draws, quiet = lane_of(), lane_of(Quiet, "q")
    lanes = {"gate": (draws, quiet)}

    def show(*keys: tuple[str, str]) -> None:
        decals.show(frozenset(keys), lambda source: lanes.get(source, ()))

    def saw(number: float) -> None:
        for lane in (draws, quiet):
            decals.saw(lane, replace(HEADER, index=int(number)), Outcome(data={"share": number}))

    show(("p", "gate"))
    assert not taken, "nothing was found so far"
    show()
    saw(1)
    assert not taken, "nobody looks"
    show(("p", "gate"), ("q", "gate"), ("p", "yard"))
    assert [share(each) for each in taken] == [1]
    assert [(decal.is_empty, decal.pts_us) for decal in decals_in(told)] == [(True, NEVER_US)]
    show(("p", "gate"), ("q", "gate"))
    saw(2)
    assert [share(each) for each in taken] == [1, 2]
    assert len(told) == 1


def test_one_that_is_loaded_while_somebody_looks_says_once_that_it_draws_nothing() -> None:
    told: list[bytes] = []
    decals = Decals(lambda tracing: None, lambda key, packet: told.append(packet))
    shown, none = frozenset({("p", "gate")}), frozenset[tuple[str, str]]()
    draws, quiet = lane_of(), lane_of(Quiet)

    def saw(lane: Lane) -> int:
        """How often it was said by then."""
        decals.saw(lane, HEADER, Outcome(data={"share": 1}))
        return len(told)

    decals.show(shown, lambda source: ())
    assert [saw(quiet), saw(quiet), saw(draws), saw(quiet)] == [1, 1, 1, 2]
    decals.show(none, lambda source: ())
    assert saw(quiet) == 2
    decals.show(shown, lambda source: (quiet,))
    assert [len(told), saw(quiet)] == [3, 3]
    assert all(unpack_output(packet).retain for packet in told)


def test_of_those_that_main_does_not_take_the_newest_is_sent_before_any_picture() -> None:
    main, socket = Channel.pair()
    channel = Channel(socket)
    tray = Tray(channel)
    tray.start()
    while channel.is_roomy:
        assert channel.send_raw(pack_output(Output(OutputKind.RESULT, "p", "gate", bytes(30_000))))
    picture = pack_output(Output(OutputKind.IMAGE, "p", "gate", b"jpeg"))
    tray.put(Developed(picture))
    for number in range(50):
        packet = pack_output(Output(OutputKind.DECAL, "p", "gate", bytes((number,))))
        tray.put_decal(("p", "gate"), packet)
        tray.deliver()
    assert tray.waits_for_room
    while (packet_ := main.receive()) is not None:
        assert unpack_output(packet_.body).kind is OutputKind.RESULT
    assert select.select([], [channel.fileno()], [], 0)[1]
    tray.deliver()
    came = [unpack_output(got.body) for got in iter(main.receive, None)]
    assert [(each.kind, each.payload) for each in came] == [
        (OutputKind.DECAL, bytes((49,))),
        (OutputKind.IMAGE, b"jpeg"),
    ]
    os.close(tray.wake)
    channel.close()
    main.close()
