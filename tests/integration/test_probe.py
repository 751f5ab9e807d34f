"""A probe of real sources, in the child process that `edged probe` starts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edged.app.ask import ask
from edged.errors import EdgedError
from edged.model.capturing import CaptureSpec
from edged.model.probe import ProbeReport
from edged.model.redact import redact_url
from tests.servers.rtsp import Camera, RtspServer
from tests.servers.streams import free_port, mjpeg_camera, udp_sender
from tests.stopwatch import CALM_S, Stopwatch


def probe(url: str, *, limit_s: float = 10.0, transport: str = "tcp") -> ProbeReport:
    spec = CaptureSpec(1, "probe", url, redact_url(url), timeout_s=limit_s, transport=transport)
    return ask("edged.capture.probe_child", spec, ProbeReport, within_s=2 * limit_s + 8.0)


def test_a_film(assets: Path) -> None:
    found = probe(str(assets / "one-by-one-person-detection.mp4"))
    assert not found.error
    assert (found.codec, found.profile) == ("h264", "Main")
    assert (found.width, found.height, found.fps) == (768, 432, 10.0)
    assert (found.pixel_format, found.color_range) == ("yuv420p", "limited")
    assert found.keyframe_interval_s == pytest.approx(1.0)
    assert not found.live


def test_the_keyframe_interval_of_a_film_with_few(assets: Path) -> None:
    found = probe(str(assets / "bottle-detection.mp4"))
    assert found.keyframe_interval_s == pytest.approx(8.38, abs=0.02)


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_a_camera(transport: str) -> None:
    with RtspServer([Camera("/live", rate=20, keyint=10)]) as server:
        found = probe(server.url("/live"), transport=transport)
    assert not found.error
    assert found.live
    assert (found.codec, found.width, found.height, found.fps) == ("h264", 640, 360, 20.0)
    assert found.keyframe_interval_s == pytest.approx(0.5, abs=0.05)
    assert 0 < found.open_s <= found.first_frame_s < 20


def test_a_camera_without_a_clock_is_measured() -> None:
    watch = Stopwatch()
    with mjpeg_camera(rate=8) as url:
        found = probe(url)
    assert (found.codec, found.pixel_format, found.color_range) == ("mjpeg", "yuvj420p", "full")
    least = 6.8 if watch.crowded_s < CALM_S else 2.0  # a busy machine sends and takes them late
    assert least <= found.fps <= 9.2


def test_a_stream_over_udp_and_none() -> None:
    with udp_sender() as url:
        found = probe(url)
        assert (found.codec, found.width, found.height) == ("h264", 320, 240)
    watch = Stopwatch()
    assert "nothing arrives at port" in probe(f"udp://127.0.0.1:{free_port()}", limit_s=1.0).error
    assert watch.is_within(6)


def test_why_not_without_the_password() -> None:
    with RtspServer([Camera("/live")], user="admin", password="right") as server:
        found = probe(server.url("/live", credentials="admin:wr0ng"))
        server.freeze()
        frozen = probe(server.url("/live", credentials="admin:wr0ng"), limit_s=1.0)
    assert "(401)" in found.error
    assert found.url == server.url("/live", credentials="admin:***")
    assert "in time" in frozen.error
    assert "wr0ng" not in repr((found, frozen))
    assert "nothing listens" in probe(server.url("/live")).error
    assert "did you mean rtsp://?" in probe("rstp://camera/live").error


def test_a_hang_that_nothing_interrupts_is_killed(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "video.mp4")  # nobody writes: open(2) waits for ever
    watch = Stopwatch()
    with pytest.raises(EdgedError, match="no answer in time"):
        probe(str(tmp_path / "video.mp4"), limit_s=0.5)
    assert watch.is_within(10)
