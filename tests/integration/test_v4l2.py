"""A V4L2 device for real: ``EDGED_V4L2_DEVICE=/dev/video0``, or `scripts/v4l2-vm` where there is none."""

from __future__ import annotations

import os
from collections.abc import Iterator

import av
import pytest

from edged.capture.probe import probe
from edged.errors import SourceUnavailable
from edged.model.capturing import SourceState
from tests.integration.capture_rig import capture, spec

LIMIT_S = 60.0


@pytest.fixture(scope="module")
def device() -> Iterator[str]:
    path = os.environ.get("EDGED_V4L2_DEVICE", "")
    if not path:
        pytest.skip("no camera named in EDGED_V4L2_DEVICE; scripts/v4l2-vm runs this in a virtual machine")
    yield path


def test_a_device_is_probed(device: str) -> None:
    found = probe(spec(device), LIMIT_S)
    print(found)
    assert found.live
    assert found.width > 0
    assert found.height > 0
    assert found.fps > 0
    assert found.pixel_format


def test_frames_of_a_device_reach_the_track(device: str) -> None:
    with capture(spec(device, timeout_s=LIMIT_S), keep_pixels=True) as desk:
        desk.until(lambda: len(desk.pixels) >= 10, LIMIT_S)
    report = desk.reports[-1]
    print(report, [frame.pts_us for frame in desk.frames])
    assert report.state is SourceState.RUNNING
    assert (report.width, report.height) == (desk.frames[0].format.width, desk.frames[0].format.height)
    times = [frame.pts_us for frame in desk.frames]
    assert times == sorted(set(times))
    assert {frame.epoch for frame in desk.frames} == {1}
    assert any((first != later).any() for first, later in zip(desk.pixels, desk.pixels[1:], strict=False))


def test_a_mode_is_asked_for_and_one_that_is_not_there_is_told(device: str) -> None:
    asked = spec(f"v4l2://{device}?size=640x360&rate=15", timeout_s=LIMIT_S)
    found = probe(asked, LIMIT_S)
    assert (found.width, found.height) == (640, 360)
    with pytest.raises(SourceUnavailable, match="does not know the size, rate or input_format"):
        probe(spec(f"v4l2://{device}?input_format=h264", timeout_s=LIMIT_S), LIMIT_S)


def test_a_device_in_use_is_told(device: str) -> None:
    with av.open(device, format="v4l2") as holder:
        next(holder.demux())
        with pytest.raises(SourceUnavailable, match="in use by another program"):
            probe(spec(device, timeout_s=LIMIT_S), LIMIT_S)
