"""What a worker says to main, over a real channel."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from edged.model.detection import Outcome
from edged.model.frame import FrameFormat, FrameHeader
from edged.model.messages import ClipOrder, ClipWish, JobSpec, LinkSpec, Numbering
from edged.model.output import Output, OutputKind, unpack_output
from edged.model.sampling import Sampling
from edged.supervise.channel import RAW, Channel, Packet
from edged.supervise.wire import Decoder
from edged.types import MonotonicNs, PtsUs, WallNs
from edged.worker.publisher import MOST_WISHES, Finding, Publisher

HEADER = FrameHeader(
    epoch=1,
    index=0,
    key_index=0,
    pts_us=PtsUs(0),
    t0_us=PtsUs(0),
    first_index=0,
    first_key_index=0,
    previous_us=None,
    previous_key_us=None,
    keyframe=True,
    captured_ns=MonotonicNs(0),
    captured_wall_ns=WallNs(0),
    format=FrameFormat(64, 48),
)
NOTHING_SEEN = Finding(HEADER, Outcome(detections=()), (), 0, 0)


def job_on(*sources: str) -> JobSpec:
    return JobSpec("all", sources, (LinkSpec("motion"),), Sampling())


@pytest.fixture
def main() -> Iterator[tuple[Channel, Publisher]]:
    """Main's end, and a publisher at the other."""
    ours, theirs = Channel.pair()
    yield ours, Publisher(Channel(theirs))
    ours.close()
    theirs.close()


def received(channel: Channel) -> list[Output]:
    outputs = []
    while (packet := channel.receive()) is not None:
        assert packet.kind == RAW
        outputs.append(unpack_output(packet.body))
    return outputs


def test_counts_are_said_when_they_change_and_anew_for_a_source_that_came_back(
    main: tuple[Channel, Publisher],
) -> None:
    channel, publisher = main

    def counted_after(job: JobSpec) -> list[str]:
        publisher.introduce("box", "boot", [job])
        for source in job.sources:
            publisher.publish(job, source, NOTHING_SEEN)
        return [output.source for output in received(channel) if output.kind is OutputKind.COUNTS]

    assert counted_after(job_on("gate", "yard")) == ["gate", "yard"]
    assert counted_after(job_on("gate", "yard")) == []
    assert counted_after(job_on("gate")) == []
    assert counted_after(job_on("gate", "yard")) == ["yard"]


def test_numbers_go_on_over_all_that_a_job_goes_through(main: tuple[Channel, Publisher]) -> None:
    channel, publisher = main
    for sources in (("gate",), ("yard",), ("gate", "yard")):
        publisher.introduce("box", "boot", [job_on(*sources)])
        for source in sources:
            publisher.publish(job_on(*sources), source, NOTHING_SEEN)
        publisher.forget("all")
    results = [output for output in received(channel) if output.kind is OutputKind.RESULT]
    assert [(result.source, result.seq) for result in results] == [
        ("gate", 1), ("yard", 1), ("gate", 2), ("yard", 2),
    ]  # fmt: skip


def test_events_have_numbers_of_their_own(main: tuple[Channel, Publisher]) -> None:
    channel, publisher = main
    told = replace(job_on("gate"), numbering={"gate": Numbering(seq=5, event=40)}, publish_when="events")
    publisher.introduce("box", "boot", [told])
    emitting = replace(NOTHING_SEEN, events=(("fall", {}), ("rise", {})))
    publisher.publish(told, "gate", emitting)
    publisher.publish(replace(told, publish_when="always"), "gate", emitting)
    said = [output for output in received(channel) if output.kind is not OutputKind.COUNTS]
    assert [(output.kind, output.seq) for output in said] == [
        (OutputKind.EVENT, 41),
        (OutputKind.EVENT, 42),
        (OutputKind.RESULT, 6),
        (OutputKind.EVENT, 43),
        (OutputKind.EVENT, 44),
    ]
    assert [json.loads(output.payload)["seq"] for output in said] == [41, 42, 6, 43, 44]


WISHES = Decoder((ClipWish,))


def wish_or_output(packet: Packet) -> ClipWish | Output:
    if packet.kind == RAW:
        return unpack_output(packet.body)
    wish = WISHES.decode(packet.body)
    assert isinstance(wish, ClipWish)
    return wish


def test_a_wish_for_a_clip_comes_right_before_its_event(main: tuple[Channel, Publisher]) -> None:
    channel, publisher = main
    told = replace(job_on("gate"), publish_when="events", clips=ClipOrder(("fall", "rise"), 5, 10))
    finding = replace(NOTHING_SEEN, events=(("fall", {}), ("yawn", {}), ("rise", {})))
    publisher.publish(told, "gate", finding)
    said = [wish_or_output(packet) for packet in iter(channel.receive, None)]
    assert [each.event if isinstance(each, ClipWish) else each.kind for each in said] == [
        OutputKind.COUNTS, "fall", OutputKind.EVENT, OutputKind.EVENT, "rise", OutputKind.EVENT,
    ]  # fmt: skip
    assert said[1] == ClipWish("all", "gate", "fall", HEADER.captured_ns, HEADER.captured_wall_ns)


def test_events_that_nobody_hears_of_are_recorded_all_the_same(main: tuple[Channel, Publisher]) -> None:
    channel, publisher = main
    told = replace(job_on("gate"), publish_when="never", clips=ClipOrder(("fall",), 5, 10))
    publisher.publish(told, "gate", replace(NOTHING_SEEN, events=(("fall", {}),)))
    said = [wish_or_output(packet) for packet in iter(channel.receive, None)]
    assert [type(each) for each in said] == [Output, ClipWish]


def test_wishes_wait_for_room_and_find_it_first(main: tuple[Channel, Publisher]) -> None:
    channel, publisher = main
    told = replace(job_on("gate"), publish_when="events", clips=ClipOrder(("fall",), 5, 10))
    while not publisher.publish(told, "gate", replace(NOTHING_SEEN, events=(("fall", {}),) * 10)).refused:
        pass
    assert publisher.is_behind
    kinds: list[type] = []
    while True:
        kinds += [type(wish_or_output(packet)) for packet in iter(channel.receive, None)]
        if not publisher.is_behind:
            break
        publisher.flush()
    wishes = kinds.count(ClipWish)
    assert wishes >= MOST_WISHES
    assert kinds.count(Output) > wishes, "events that are owed waited, too"
