"""Packets that are not decoded get the stamps that their pictures would have had."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from edged.capture.stamps import Stamps
from tests.integration.clips import Clip, make_clip


@pytest.mark.parametrize("b_frames", [0, 1, 3])
def test_packets_in_decoding_order_give_pictures_in_the_order_they_are_shown(
    tmp_path: Path, b_frames: int
) -> None:
    path = make_clip(tmp_path / "clip.mp4", Clip(frames=45, b_frames=b_frames))
    with av.open(str(path)) as container:
        base = container.streams.video[0].time_base
        assert base is not None
        stamps = Stamps(lambda stamp: int(stamp * base * 1_000_000), by_arrival=False)
        by_packet = []
        for number, packet in enumerate(container.demux(video=0)):
            if packet.size:
                stamps.note(packet, number, keyframe=packet.is_keyframe)
                by_packet.append(stamps.of_packet(packet, 0))
    with av.open(str(path)) as container:
        by_frame = [stamps.of_frame(frame, 0) for frame in container.decode(video=0)]
    assert len(by_frame) == 45
    assert by_packet == by_frame


def test_a_picture_arrived_with_its_own_packet(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mp4", Clip(frames=30, b_frames=2))
    stamps = Stamps(int, by_arrival=False)
    came: dict[int | None, int] = {}
    with av.open(str(path)) as container:
        for number, packet in enumerate(container.demux(video=0)):
            stamps.note(packet, number, keyframe=packet.is_keyframe)
            came[packet.pts] = number
            for frame in packet.decode():
                assert stamps.arrival_ns(frame, 99) == came[frame.pts]


def test_stamps_that_mean_nothing_are_replaced_by_the_arrival(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mp4", Clip(frames=2))
    stamps = Stamps(int, by_arrival=True)
    with av.open(str(path)) as container:
        packet = next(container.demux(video=0))
        assert stamps.of_packet(packet, 5_000_000) == 5_000
        assert stamps.of_frame(av.VideoFrame(), 7_000_000) == 7_000
