"""Which run becomes a snapshot, and its way back to main, over a real channel."""

from __future__ import annotations

import os
import select
from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
import pytest

from edged.algorithm import Frame
from edged.model.detection import Detection, Outcome
from edged.model.frame import FrameFormat
from edged.model.messages import JobSpec, SnapshotReport, SnapshotRequest
from edged.model.output import Output, OutputKind, unpack_output
from edged.model.sampling import Sampling
from edged.supervise.channel import RAW, Channel
from edged.supervise.heartbeat import Heartbeat, make_page
from edged.supervise.wire import Decoder
from edged.types import MonotonicNs
from edged.worker.chain import Chain, Emissions
from edged.worker.lane import Lane
from edged.worker.snapshot import Snapshots
from edged.worker.studio import Studio
from edged.worker.tally import Tally
from edged.worker.tray import Tray
from tests.pictures import gray_frame, header_of

BOX = Outcome((Detection((0.25, 0.25, 0.75, 0.75), 0.9, "person"),))
REQUEST = SnapshotRequest(1, "people", "gate", asked_ns=100)
DECODER = Decoder((SnapshotReport,))


@dataclass
class Rig:
    main: Channel
    snapshots: Snapshots
    tray: Tray
    worker: Channel

    def answers(self, count: int) -> list[tuple[SnapshotReport, Output | None]]:
        """Waits for so many; the picture of each came just before it."""
        found: list[tuple[SnapshotReport, Output | None]] = []
        picture = None
        while len(found) < count:
            packet = self.main.receive()
            if packet is None:
                assert select.select([self.tray.wake], [], [], 10)[0], "nothing more is drawn"
                self.tray.deliver()
            elif packet.kind == RAW:
                picture = unpack_output(packet.body)
            else:
                report = DECODER.decode(packet.body)
                assert isinstance(report, SnapshotReport)
                found.append((report, picture))
                picture = None
        return found

    def silent(self) -> bool:
        """Nothing was sent, and nothing is being drawn."""
        return self.main.receive() is None and not select.select([self.tray.wake], [], [], 0)[0]


@pytest.fixture
def rig() -> Iterator[Rig]:
    ours, theirs = Channel.pair()
    page = make_page()
    studio = Studio(Heartbeat(page))
    os.close(page)
    channel = Channel(theirs)
    tray = Tray(channel)
    tray.start()
    studio.start()
    yield Rig(ours, Snapshots(studio, tray), tray, channel)
    assert studio.stop()
    tray.close()
    ours.close()
    theirs.close()


def lane_of(job: str = "people", source: str = "gate") -> Lane:
    return Lane(JobSpec(job, (source,), (), Sampling()), source, Chain((), Emissions()), Tally(0), 0)


def frame_of(captured_ns: int = 200, width: int = 640, height: int = 480) -> Frame:
    frame = gray_frame(np.full((height, width), 120, dtype=np.uint8))
    return Frame(replace(frame.header, captured_ns=MonotonicNs(captured_ns)), frame.pixels)


def test_the_boxes_of_the_run_are_on_its_frame(rig: Rig) -> None:
    rig.snapshots.apply([REQUEST])
    rig.snapshots.saw(lane_of(), frame_of(), BOX)
    [(report, output)] = rig.answers(1)
    assert (report.id, report.code, report.width, report.height) == (1, "", 640, 480)
    assert report.captured_wall_ns == header_of(FrameFormat(64, 48)).captured_wall_ns
    assert output is not None
    assert (output.kind, output.job, output.source, output.seq) == (
        OutputKind.SNAPSHOT,
        "people",
        "gate",
        1,
    )
    picture = cv2.imdecode(np.frombuffer(output.payload, dtype=np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (480, 640, 3)
    background = picture[60, 20].astype(int)
    assert np.abs(picture[240, 160] - background).max() > 40, "the left edge of the box"
    assert np.abs(picture[240, 320] - background).max() < 10, "inside it"
    assert np.abs(picture[450, 600] - background).max() < 10, "outside it"


def test_each_request_gets_its_own_size_and_quality_of_the_same_frame(rig: Rig) -> None:
    small = replace(REQUEST, id=2, max_width=160, quality=10)
    rig.snapshots.apply([REQUEST, small])
    rig.snapshots.saw(lane_of(), frame_of(), BOX)
    (first, large), (second, little) = rig.answers(2)
    assert (first.width, second.width, second.height) == (640, 160, 120)
    assert large is not None
    assert little is not None
    assert len(little.payload) < len(large.payload)


def test_a_frame_from_before_the_request_and_other_lanes_are_no_answer(rig: Rig) -> None:
    rig.snapshots.apply([REQUEST])
    rig.snapshots.saw(lane_of(), frame_of(captured_ns=99), BOX)
    rig.snapshots.saw(lane_of(source="yard"), frame_of(), BOX)
    rig.snapshots.saw(lane_of(job="cars"), frame_of(), BOX)
    rig.snapshots.saw(lane_of(), frame_of(captured_ns=100, width=320), BOX)
    [(report, _)] = rig.answers(1)
    assert report.width == 320


def test_a_request_is_answered_once_and_lapses_when_it_is_told_no_more(rig: Rig) -> None:
    later = replace(REQUEST, id=2)
    rig.snapshots.apply([REQUEST, later])
    rig.snapshots.apply([REQUEST])
    rig.snapshots.saw(lane_of(), frame_of(), BOX)
    assert [report.id for report, _ in rig.answers(1)] == [1]
    rig.snapshots.apply([REQUEST])
    rig.snapshots.saw(lane_of(), frame_of(), BOX)
    assert rig.silent()
    rig.snapshots.apply([later])
    rig.snapshots.saw(lane_of(), frame_of(), BOX)
    assert [report.id for report, _ in rig.answers(1)] == [2]


def test_more_requests_than_may_wait_get_the_frames_of_later_runs(rig: Rig) -> None:
    requests = [replace(REQUEST, id=number) for number in range(1, 12)]
    rig.snapshots.apply(requests)
    reports: list[SnapshotReport] = []
    while len(reports) < len(requests):
        rig.snapshots.saw(lane_of(), frame_of(), BOX)
        reports += [report for report, _ in rig.answers(1)]
    assert sorted(report.id for report in reports) == [request.id for request in requests]


def test_a_run_that_raised_is_the_answer(rig: Rig) -> None:
    rig.snapshots.apply([REQUEST])
    rig.snapshots.failed(lane_of(source="yard"), "algorithm_failed", "not mine")
    rig.snapshots.failed(lane_of(), "algorithm_failed", "ValueError: ajar (door.py:3)")
    [(report, picture)] = rig.answers(1)
    assert (report.code, report.error) == ("algorithm_failed", "ValueError: ajar (door.py:3)")
    assert picture is None


def test_what_main_has_no_room_for_stays_until_it_has(rig: Rig) -> None:
    lanes = lane_of()
    stuffed = 0
    while rig.worker.send_raw(b"x" * 1000):
        stuffed += 1
    rig.snapshots.apply([REQUEST])
    rig.snapshots.failed(lanes, "algorithm_failed", "ajar")
    rig.tray.deliver()
    assert rig.tray.waits_for_room
    for _ in range(stuffed):
        assert rig.main.receive() is not None
    assert rig.main.receive() is None
    rig.tray.deliver()
    assert not rig.tray.waits_for_room
    [(report, _)] = rig.answers(1)
    assert report.error == "ajar"


def test_a_picture_that_no_broker_would_carry_is_refused(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edged.worker.snapshot.MAX_JPEG_BYTES", 1000)
    rig.snapshots.apply([REQUEST])
    rig.snapshots.saw(lane_of(), frame_of(), BOX)
    [(report, picture)] = rig.answers(1)
    assert report.code == "too_large"
    assert "max_width" in report.error
    assert picture is None
