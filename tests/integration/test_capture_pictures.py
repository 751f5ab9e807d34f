"""What lies on the track: the right pixels, in whatever form the source has them, under its masks."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from edged.model.capturing import SourceState
from edged.model.frame import ColorMatrix, ColorRange, FrameFormat
from edged.model.gauges import CaptureGauge
from tests.integration.capture_rig import EVERY, Desk, capture, changed, each, spec
from tests.integration.clips import Clip, make_clip

LEFT_HALF = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))


def planes_of(path: Path) -> list[np.ndarray]:
    """Every frame as flat I420, by a plain loop over PyAV."""
    with av.open(str(path)) as container:
        return [
            np.concatenate([
                np.frombuffer(memoryview(plane), np.uint8)
                .reshape(plane.height, plane.line_size)[:, : plane.width]
                .ravel()
                for plane in frame.planes
            ])
            for frame in container.decode(video=0)
        ]  # fmt: skip


@pytest.mark.parametrize("clip", [
    Clip(frames=8, size=(480, 270)),
    Clip(frames=8, size=(642, 362)),
    Clip(frames=8, size=(176, 144), pixels="yuvj420p", full_range=True),
    Clip(frames=8, size=(1280, 720), matrix=1),
], ids=["odd half height", "padded lines", "full range", "BT.709"])  # fmt: skip
def test_every_byte_is_that_of_the_decoder(tmp_path: Path, clip: Clip) -> None:
    path = make_clip(tmp_path / "clip.mp4", clip)
    with capture(spec(path), keep_pixels=True, slots=16) as main:
        main.until_state(SourceState.ENDED)
        expected = planes_of(path)
        assert len(main.pixels) == len(expected) == 8
        for ours, theirs in zip(main.pixels, expected, strict=True):
            assert (ours == theirs).all()
        layout = main.frames[0].format
        assert (layout.width, layout.height) == clip.size
        assert layout.color_range is (ColorRange.FULL if clip.full_range else ColorRange.LIMITED)
        assert layout.color_matrix is (ColorMatrix.BT709 if clip.matrix == 1 else ColorMatrix.BT601)


def test_real_footage_with_an_odd_half_height(assets: Path) -> None:
    path = assets / "store-aisle-detection.mp4"
    with capture(spec(path, each(1.0)), keep_pixels=True) as main:
        main.until(lambda: len(main.frames) == 2)
        expected = planes_of(path)
        for header, ours in zip(main.frames, main.pixels, strict=True):
            assert (ours == expected[header.index]).all()


def test_422_arrives_as_420(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mkv", Clip(frames=4, size=(320, 180), pixels="yuv422p"))
    with capture(spec(path), keep_pixels=True) as main:
        main.until_state(SourceState.ENDED)
        with av.open(str(path)) as container:
            expected = [frame.reformat(format="yuv420p") for frame in container.decode(video=0)]
        y = [np.frombuffer(memoryview(frame.planes[0]), np.uint8) for frame in expected]
        for ours, theirs in zip(main.pixels, y, strict=True):
            assert (ours[: 320 * 180] == theirs.reshape(180, -1)[:, :320].ravel()).all()


def test_frames_are_scaled_to_the_size_that_is_asked_for(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mp4", Clip(frames=4, size=(640, 360)))
    with capture(spec(path, size=(321, 181))) as main:
        report = main.until_state(SourceState.ENDED)
        assert main.requests == [FrameFormat(321, 181)]
        assert (report.width, report.height) == (640, 360), "the status shows the source's own size"
        assert len(main.frames) == 4


def test_no_masked_pixel_reaches_the_track(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mp4", Clip(frames=6, size=(322, 182)))
    with capture(spec(path, masks=(LEFT_HALF,)), keep_pixels=True) as main:
        main.until_state(SourceState.ENDED)
        assert len(main.pixels) == 6
        for flat in main.pixels:
            luma = flat[: 322 * 182].reshape(182, 322)
            assert (luma[:, :161] == 16).all()
            assert (luma[:, 163:] > 16).all()


def test_a_mask_applies_to_a_running_source(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mp4", Clip(frames=15, size=(64, 48)))
    first = spec(path, loop=True)
    with capture(first, keep_pixels=True) as main:
        main.until(lambda: len(main.frames) > 5)
        main.send(changed(first, masks=(LEFT_HALF,)))
        main.until(lambda: bool((main.pixels[-1][: 64 * 48].reshape(48, 64)[:, :32] == 16).all()))
        assert not (main.pixels[0][: 64 * 48].reshape(48, 64)[:, :32] == 16).any()
        assert [report.state for report in main.reports].count(SourceState.RUNNING) == 1


@pytest.fixture
def two_sizes(tmp_path: Path) -> Path:
    """A transport stream that changes from 160x120 to 320x240 in the middle."""
    small = make_clip(tmp_path / "small.ts", Clip(frames=15, size=(160, 120)))
    large = make_clip(tmp_path / "large.ts", Clip(frames=15, size=(320, 240)))
    both = tmp_path / "both.ts"
    both.write_bytes(small.read_bytes() + large.read_bytes())
    return both


def test_a_change_of_resolution_in_mid_stream_is_survived(two_sizes: Path) -> None:
    with capture(spec(two_sizes, EVERY), slots=32) as main:
        main.until_state(SourceState.ENDED)
        assert [(r.width, r.height) for r in main.requests] == [(160, 120), (320, 240)]
        assert [frame.format.width for frame in main.frames] == [160] * 15 + [320] * 15
        assert [frame.index for frame in main.frames] == list(range(30))
        assert [frame.epoch for frame in main.frames] == [1] * 15 + [2] * 15
        running = [report for report in main.reports if report.state is SourceState.RUNNING]
        assert [(report.width, report.height) for report in running] == [(160, 120), (320, 240)]
        assert main.gauge(CaptureGauge.DROPPED) == 0


def test_packets_that_are_damaged_are_survived(tmp_path: Path, assets: Path) -> None:
    content = bytearray((assets / "store-aisle-detection.mp4").read_bytes())
    middle = len(content) // 2
    content[middle : middle + 3000] = bytes(3000)
    damaged = tmp_path / "damaged.mp4"
    damaged.write_bytes(content)
    with capture(spec(damaged), slots=64) as main:
        main.until_state(SourceState.ENDED)
        assert len(main.frames) > 40
        _assert_steady(main)


def _assert_steady(main: Desk) -> None:
    for before, after in pairwise(main.frames):
        assert after.index > before.index
        assert after.pts_us > before.pts_us
