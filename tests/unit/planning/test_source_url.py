"""What a source's URL may reach: from the device's own file, and from the network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edged.planning.plan import Plan, make_plan
from edged.settings import Loaded, parse_settings
from edged.settings.network import read_spec

SECRETS = {
    "cam": {"env": "EDGED_TEST_CAM", "hosts": ["10.0.0.0/8"]},
    "any": {"env": "EDGED_TEST_CAM", "hosts": ["*"]},
}


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGED_TEST_CAM", "hunter2")


@pytest.fixture
def media(tmp_path: Path) -> Path:
    folder = tmp_path / "media"
    folder.mkdir()
    (folder / "in.mp4").touch()
    (tmp_path / "out.mp4").touch()
    (folder / "link.mp4").symlink_to(tmp_path / "out.mp4")
    (folder / "up").symlink_to(tmp_path)
    return folder


def file(folder: Path, own: dict[str, str] | None = None, **settings: Any) -> Loaded:
    spec = {"sources": {name: {"url": url} for name, url in (own or {}).items()}}
    text = json.dumps({"device": "box", "secrets": SECRETS, "spec": spec} | settings)
    return parse_settings(text, file="f.yaml", folder=folder)


def from_network(urls: dict[str, str], loaded: Loaded, folder: Path) -> Plan:
    spec = {"sources": {name: {"url": url} for name, url in urls.items()}}
    return make_plan(read_spec(spec, loaded), folder)


def refusal(url: str, loaded: Loaded, folder: Path) -> str:
    plan = from_network({"cam": url}, loaded, folder)
    assert not plan.captures
    (problem,) = plan.failed_sources["cam"].problems
    assert problem.path == "spec.sources.cam.url"
    assert "hunter2" not in problem.message
    return problem.code


@pytest.mark.parametrize(
    "url",
    [
        "rtsp://u:p@10.0.0.5/s", "http://10.0.0.5/x.m3u8", "udp://0.0.0.0:5000", "srt://10.0.0.5:9000",
        "/dev/video0", "/dev/video12", "/dev/v4l/by-id/usb-046d_HD_Pro-video-index0",
        "/dev/v4l/by-path/platform-xhci.0:usb-0:1:1.0-video-index0", "v4l2:///dev/video0?size=640x480",
        "pattern://testsrc2?size=64x64&rate=5",
    ],
)  # fmt: skip
def test_cameras_and_addresses_may_come_from_the_network(url: str, tmp_path: Path) -> None:
    assert from_network({"cam": url}, file(tmp_path), tmp_path).captures["cam"].url == url


@pytest.mark.parametrize(
    "url",
    [
        "in.mp4", "{media}/in.mp4", "file://{media}/in.mp4", "FILE://localhost{media}/i%6E.mp4",
        "up/media/in.mp4",
    ],
)  # fmt: skip
def test_files_from_the_network_lie_below_media(url: str, media: Path, tmp_path: Path) -> None:
    loaded = file(tmp_path, media=[str(tmp_path / "none"), str(media)])
    capture = from_network({"cam": url.format(media=media)}, loaded, tmp_path).captures["cam"]
    assert capture.url.endswith(".mp4")
    assert str(media) in capture.url


@pytest.mark.parametrize(
    "url",
    [
        "{media}/../out.mp4", "../out.mp4", "link.mp4", "up/out.mp4", "{media}/up/out.mp4", "/etc/passwd",
        "file:///etc/passwd", "FILE:///etc/passwd", "file://localhost/etc/passwd", "file:///dev/video0",
        "file://{media}/%2e%2e/out.mp4", "/dev/../etc/passwd", "/dev/shm/x", "/dev/mem", "/proc/self/environ",
        "/dev/video0/../mem", "{media}-evil/x.mp4", "/dev/v4l/../watchdog", "v4l2:///dev/watchdog",
        "v4l2:///dev/v4l/by-id/../../watchdog", "/dev/v4l/by-id/..", "v4l2:///dev/video0/../watchdog",
        "v4l2:///dev/video0%2f..%2fwatchdog",
    ],
)  # fmt: skip
def test_and_nowhere_else(url: str, media: Path, tmp_path: Path) -> None:
    loaded = file(tmp_path, media=[str(media)])
    assert refusal(url.format(media=media), loaded, tmp_path) == "not_allowed"


@pytest.mark.parametrize("name", ["x" * 300, "a/" * 1900, "in.mp4/x"])
def test_a_name_that_no_file_can_have_is_no_bug(name: str, media: Path, tmp_path: Path) -> None:
    loaded = file(tmp_path, media=[str(tmp_path / "none"), str(media)])
    assert "cam" in from_network({"cam": name}, loaded, tmp_path).captures


@pytest.mark.parametrize("settings", [{}, {"media": []}])
@pytest.mark.parametrize("url", ["in.mp4", "/srv/in.mp4", "file:///srv/in.mp4"])
def test_without_media_no_file_comes_from_the_network(
    url: str, settings: dict[str, Any], tmp_path: Path
) -> None:
    assert refusal(url, file(tmp_path, **settings), tmp_path) == "not_allowed"


@pytest.mark.parametrize(
    "url",
    [
        "file:/etc/passwd", "file:///etc/passwd#x", "concat:/etc/passwd|/etc/hosts", "concat://x",
        "subfile,,start,0,end,0,,:/etc/passwd", "subfile://x", "async:file:///etc/passwd", "data:text/x",
        "pipe:0", "pipe://0", "fd://3", "crypto+file:///etc/passwd", "cache:file:///etc/passwd", "gopher://h/",
        "ftp://h/x", "tcp://h:1", "unix:///run/x", "exec:id", "lavfi:movie=/etc/passwd", "tee:x",
        "pattern://movie?filename=/etc/passwd", "pattern://testsrc2?size=64x64;movie=/etc/passwd",
        "pattern://testsrc2?size=64x64,movie=/etc/passwd", "pattern://testsrc2?rate=5%2Cmovie%3Dx",
        "pattern://testsrc2?size=64x64%3Afilename%3Dx", "pattern://testsrc2?rate=30\\:x", "pattern://amovie",
        "pattern://testsrc2,movie=x", "pattern://testsrc2/movie?size=64x64", "pattern://color?color=red@0.5",
        "pattern://life?filename=/etc/passwd", "pattern://testsrc2?text=%{{pts}}", "pattern://u@testsrc2",
        "pattern://cellauto?rule=110&filename=/etc/passwd", "pattern://testsrc2?size=64x64&size=9x9",
        "pattern://TESTSRC2", "rtsp://", "http:///x", "://x", "rtsp://h:99999/s",
    ],
)  # fmt: skip
def test_what_is_no_source_of_ours_reaches_nothing(url: str, media: Path, tmp_path: Path) -> None:
    """Without a scheme of ours it is at most the name of a file below media."""
    plan = from_network({"cam": url}, file(tmp_path, media=[str(media)]), tmp_path)
    if plan.failed_sources:
        assert plan.failed_sources["cam"].code in ("source_failed", "not_allowed")
        return
    located = plan.captures["cam"].url
    assert Path(located).parent.is_relative_to(media)


def test_the_files_own_word_counts_where_it_stands(media: Path, tmp_path: Path) -> None:
    own = {"a": "clip.mp4", "b": "/srv/b.mp4"}
    loaded = file(tmp_path, own)
    plan = from_network(own, loaded, tmp_path)
    assert plan == make_plan(loaded, tmp_path)
    assert plan.captures["a"].url == f"{tmp_path}/clip.mp4"
    swapped = from_network({"a": own["b"], "c": own["a"], "b": own["b"]}, loaded, tmp_path)
    assert swapped.captures.keys() == {"b"}
    limited = file(tmp_path, own, media=[str(media)])
    assert set(from_network(own, limited, tmp_path).failed_sources) == {"a", "b"}


@pytest.mark.parametrize(
    "url",
    [
        "rtsp://u:${secret:cam}@evil.example/s",
        "rtsp://10.0.0.5:${secret:cam}@evil.example/",
        "rtsp://evil.example/${secret:cam}",
        "http://evil.example/?x=${secret:cam}",
        "rtsp://u:${secret:cam}@11.0.0.5/",
        "rtsp://u:${secret:cam}@10.0.0.5.evil.example/",
        "rtsp://u:${secret:cam}@0x0a000005/",
        "pattern://testsrc2?size=${secret:cam}",
        "${secret:cam}",
        "/srv/${secret:cam}",
        "/dev/video${secret:cam}",
    ],
)
def test_a_secret_goes_toward_its_hosts_alone(url: str, media: Path, tmp_path: Path) -> None:
    loaded = file(tmp_path, media=[str(media)])
    assert refusal(url, loaded, tmp_path) == "secret_not_allowed"


@pytest.mark.parametrize(
    "url",
    [
        "rtsp://u:${secret:cam}@10.0.0.5@evil.example/",
        "rtsp://u:${secret:cam}@evil.example\\@10.0.0.5/",
        "rtsp://u:${secret:cam}@10.0.0.5/@evil.example",
        "rtsp://10.0.0.5:${secret:cam}/",
        "rtsp://${secret:cam}/",
        "rtsp://u:p@10.0.0.5:${secret:cam}/",
        "${secret:cam}://10.0.0.5/",
        "rtsp://u:${secret:cam}@10.0.0.5?@evil.example/",
        "rtsp://u:${secret:cam}@10.0.0.5#@evil.example/",
    ],
)
def test_a_host_that_is_not_clear_gets_none(url: str, tmp_path: Path) -> None:
    assert refusal(url, file(tmp_path), tmp_path) in ("invalid", "secret_not_allowed")


def test_a_secret_for_any_host_is_in_no_refusal(media: Path, tmp_path: Path) -> None:
    loaded = file(tmp_path, media=[str(media)])
    assert refusal("/srv/${secret:any}", loaded, tmp_path) == "not_allowed"
    plan = from_network({"cam": "rtsp://u:${secret:any}@evil.example/"}, loaded, tmp_path)
    assert plan.captures["cam"].url == "rtsp://u:hunter2@evil.example/"
    assert "hunter2" not in repr(plan)
