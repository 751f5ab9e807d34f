"""Packets that are not decoded get the stamps that their pictures would have had."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import av
import pytest

from edged.capture.stamps import Stamps
from tests.integration.clips import Clip, make_clip

_FRAME_NS = 100_000_000


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


@pytest.mark.parametrize("b_frames", [0, 1, 3])
def test_pictures_were_taken_in_the_order_and_pace_in_which_they_are_shown(
    tmp_path: Path, b_frames: int
) -> None:
    path = make_clip(tmp_path / "clip.mp4", Clip(frames=60, fps=10, b_frames=b_frames))
    taken, came = _captured(path, loops=1)
    assert all(came[stamp] - 2 * (b_frames + 1) * _FRAME_NS <= at <= came[stamp] for stamp, at in taken)
    steps = [later - earlier for (_, earlier), (_, later) in pairwise(taken)]
    assert all(0.99 * _FRAME_NS <= step <= 1.02 * _FRAME_NS for step in steps[b_frames:])
    assert all(step >= 0 for step in steps)


def test_without_b_frames_a_picture_was_taken_when_its_packet_came(tmp_path: Path) -> None:
    taken, came = _captured(make_clip(tmp_path / "clip.mp4", Clip(frames=30, fps=10)), loops=1)
    assert taken == list(came.items())


def test_a_clock_that_goes_back_leaves_nothing_taken_long_ago(tmp_path: Path) -> None:
    taken, came = _captured(make_clip(tmp_path / "clip.mp4", Clip(frames=30, fps=10, b_frames=2)), loops=2)
    assert len(taken) > 30
    assert all(came[stamp] - at <= 4 * _FRAME_NS for stamp, at in taken[30:])


def _captured(path: Path, *, loops: int) -> tuple[list[tuple[int, int]], dict[int, int]]:
    """A packet comes each `_FRAME_NS`: (stamp, when it was taken) of each picture; when packets came last.

    But for the last loop the decoder keeps its last pictures, as when a connection breaks.
    """
    taken: list[tuple[int, int]] = []
    came: dict[int, int] = {}
    now_ns = 10**12
    with av.open(str(path)) as container:
        base = container.streams.video[0].time_base
    assert base is not None
    stamps = Stamps(lambda stamp: int((stamp * base + 7) * 1_000_000), by_arrival=False)
    for _ in range(loops):
        with av.open(str(path)) as container:
            for packet in container.demux(video=0):
                if packet.size and packet.pts is not None:
                    now_ns += _FRAME_NS
                    came[packet.pts] = now_ns
                    stamps.note(packet, now_ns, keyframe=packet.is_keyframe)
                    for frame in packet.decode():
                        assert frame.pts is not None
                        taken.append((frame.pts, stamps.captured_ns(frame, now_ns)))
    return taken, came


def test_stamps_that_mean_nothing_are_replaced_by_the_arrival(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mp4", Clip(frames=2))
    stamps = Stamps(int, by_arrival=True)
    with av.open(str(path)) as container:
        packet = next(container.demux(video=0))
        assert stamps.of_packet(packet, 5_000_000) == 5_000
        assert stamps.of_frame(av.VideoFrame(), 7_000_000) == 7_000
