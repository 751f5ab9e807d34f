"""What each scheme's URL becomes, and what is said of one that cannot be opened."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.capture.sources import SCHEMES, OpenPlan, check_url, plan_open
from edged.capture.sources.pattern import GENERATORS
from edged.capture.sources.srt import address_of
from edged.errors import SourceUnsupported
from edged.model.capturing import CaptureSpec

URLS = {
    "file": "file:///videos/a.mp4",
    "rtsp": "rtsp://user:secret@10.0.0.5/stream1",
    "rtsps": "rtsps://user:secret@10.0.0.5:322/stream1",
    "rtmp": "rtmp://10.0.0.5/live/cam",
    "http": "http://user:secret@10.0.0.5/video.cgi",
    "https": "https://10.0.0.5/live.m3u8",
    "srt": "srt://10.0.0.5:9000?passphrase=0123456789",
    "udp": "udp://0.0.0.0:5000",
    "v4l2": "v4l2:///dev/video0",
    "pattern": "pattern://testsrc2",
}


def spec(url: str, **changes: object) -> CaptureSpec:
    return CaptureSpec(1, "cam", url, url, **changes)  # type: ignore[arg-type]


def plan(url: str, **changes: object) -> OpenPlan:
    return plan_open(spec(url, **changes))


def refusal(url: str, **changes: object) -> str:
    with pytest.raises(SourceUnsupported) as caught:
        plan(url, **changes)
    return str(caught.value)


def test_every_scheme_opens_within_its_own_protocols() -> None:
    assert URLS.keys() == SCHEMES.keys()
    for scheme, url in URLS.items():
        protocols = plan(url).options["protocol_whitelist"].split(",")
        assert "ALL" not in protocols
        local = scheme in ("file", "v4l2", "pattern")
        assert (protocols == ["file"]) if local else ("file" not in protocols)


def test_a_plan_does_not_show_credentials() -> None:
    for url in URLS.values():
        assert "secret" not in repr(plan(url))
        assert "0123456789" not in repr(plan(url))


def test_main_can_check_urls_without_a_codec_library() -> None:
    code = (
        "import sys; from edged.capture.sources import check_url; check_url('pattern://testsrc2');"
        "heavy = {'av', 'numpy', 'cv2'} & sys.modules.keys(); sys.exit(str(heavy) if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)


def test_a_capture_loads_no_more_than_it_needs() -> None:
    code = (
        "import sys; import edged.capture.run; import edged.supervise.child;"
        "heavy = {'cv2', '_hashlib', 'ssl', 'asyncio', 'pydantic'} & sys.modules.keys();"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize(
    ("url", "mend"),
    [
        ("rstp://10.0.0.5/x", "did you mean rtsp://?"),
        ("htp://10.0.0.5/x", "did you mean http://?"),
        ("ftp://10.0.0.5/x", "is not a scheme edged opens"),
        ("concat://a", "is not a scheme edged opens"),
        ("subfile://a", "is not a scheme edged opens"),
        ("", "empty"),
        ("a\nb", "line break"),
        ("rtsp:///stream1", "needs a host"),
        ("http://", "needs a host"),
        ("rtmp://", "needs a host"),
        ("srt://10.0.0.5", "needs a port"),
        ("srt://10.0.0.5:9000?passphrase=short", "passphrase of srt:// is 10 to 79 characters"),
        ("srt://10.0.0.5:9000?pasphrase=0123456789", "did you mean passphrase?"),
        ("udp://10.0.0.5", "needs the port"),
        ("rtsp://u:p/word@10.0.0.5/x", "%XX"),
        ("rtsp://u:p@10.0.0.5:port/x", "%XX"),
        ("file://videos/a.mp4", "file:///videos/"),
        ("file:///", "names no file"),
        ("file:///a.mp4?x=1", "%3F"),
        ("v4l2://video0", "v4l2:///dev/video0"),
        ("v4l2:///etc/passwd", "v4l2:///dev/video0"),
        ("v4l2:///dev/video0?rates=30", "did you mean rate?"),
        ("pattern://testscr", "did you mean testsrc?"),
        ("pattern://movie", "there are testsrc2, "),
        ("pattern://testsrc2/x", "come only options"),
        ("pattern://testsrc2?sice=1x1", "did you mean size?"),
        ("pattern://testsrc2?size=big", "size of pattern://testsrc2 is WIDTHxHEIGHT"),
        ("pattern://testsrc2?rate=0", "rate of pattern://testsrc2 is frames per second"),
        ("pattern://testsrc2?duration=0", "duration of pattern://testsrc2 is a number of seconds"),
        ("pattern://testsrc2?size=64x64&size=32x32", "size twice"),
        ("pattern://mandelbrot?size=9999x9999", "more than 8K"),
        ("pattern://testsrc2?color=red", "no option 'color'"),
        ("pattern://color?color=red,movie=/etc/passwd", "color of pattern://color is"),
    ],
)
def test_what_cannot_be_opened_is_told_with_the_mend(url: str, mend: str) -> None:
    assert mend in refusal(url)
    with pytest.raises(SourceUnsupported):
        check_url(url)


@pytest.mark.parametrize("password", ["s/cret", "s cret/", "s[cret", "s]c/ret"])
def test_a_complaint_never_repeats_a_password(password: str) -> None:
    try:
        plan(f"rtsp://user:{password}@10.0.0.5:x/")
    except SourceUnsupported as error:
        assert password not in str(error)
        assert error.__cause__ is None
        assert error.__suppress_context__
    else:
        pytest.fail("a port that is no number was accepted")


def test_references_may_stand_in_a_url_that_is_checked() -> None:
    check_url("rtsp://admin:${secret:cam}@10.0.0.5/stream1")
    check_url("rtsp://admin:${file:/run/secrets/cam}@${env:HOST}:${env:PORT}/x")
    check_url("${env:CAMERA}")
    with pytest.raises(SourceUnsupported, match="did you mean rtsp"):
        check_url("rstp://admin:${secret:cam}@10.0.0.5/stream1")


def test_files_are_paced_and_end() -> None:
    film = plan("videos/a b.mp4")
    assert film.url == "file:videos/a b.mp4"
    assert (film.live, film.paced) == (False, True)
    assert plan("file:///videos/a%20b.mp4").url == "file:/videos/a b.mp4"
    assert plan("file://localhost/a.mp4").url == "file:/a.mp4"


def test_names_with_colons_are_files_and_no_protocols() -> None:
    for name in ("concat:a.mp4|b.mp4", "http:x", "data:text", "subfile,,start,0,end,0,,:a.ts", "C:/a.mp4"):
        assert plan(name).url == f"file:{name}"


def test_devices() -> None:
    assert (plan("/dev/video2").url, plan("/dev/video2").format) == ("/dev/video2", "v4l2")
    assert plan("/dev/v4l/by-id/usb-cam").format == "v4l2"
    asked = plan("v4l2:///dev/video0?size=1280x720&rate=30&input_format=mjpeg")
    assert asked.url == "/dev/video0"
    assert asked.options["video_size"] == "1280x720"
    assert asked.options["framerate"] == "30"
    assert asked.options["input_format"] == "mjpeg"
    assert asked.live
    assert not asked.paced
    assert plan("/dev/null").format is None


def test_transport_is_asked_of_rtsp() -> None:
    assert plan(URLS["rtsp"]).options["rtsp_transport"] == "tcp"
    assert plan(URLS["rtsp"], transport="udp").options["rtsp_transport"] == "udp"
    assert "tcp or udp" in refusal(URLS["rtsp"], transport="quic")


def test_srt_options() -> None:
    found = address_of("srt://[::1]:9000?mode=listener&passphrase=0123%2045678&latency=200000&transtype=live")
    assert (found.host, found.port, found.listen) == ("::1", 9000, True)
    assert (found.passphrase, found.latency_us) == ("0123 45678", 200_000)
    assert "0123" not in repr(found)
    assert "short" not in refusal("srt://10.0.0.5:9000?passphrase=short")


def test_what_comes_over_http_is_told_by_its_name() -> None:
    camera = plan("http://10.0.0.5/video.cgi")
    assert (camera.live, camera.paced, camera.arrival_times) == (True, False, True)
    playlist = plan("http://10.0.0.5/a/Live.M3U8?token=x")
    assert (playlist.format, playlist.live, playlist.paced) == ("hls", True, True)
    film = plan("https://10.0.0.5/a.mp4")
    assert (film.live, film.paced) == (False, True)
    assert plan("http://10.0.0.5/a.ts").live


@given(timeout_s=st.floats(0.1, 600), url=st.sampled_from(sorted(URLS.values())))
def test_silence_is_bounded_as_asked_and_opening_always(timeout_s: float, url: str) -> None:
    found = plan(url, timeout_s=timeout_s)
    assert found.read_timeout_s == timeout_s
    assert timeout_s <= found.open_timeout_s <= max(timeout_s, 5.0)


@given(name=st.sampled_from(sorted(GENERATORS)))
def test_patterns_without_options_are_720p30_and_never_end(name: str) -> None:
    found = plan(f"pattern://{name}")
    assert found.url == f"{name}=size=1280x720:rate=30,format=yuv420p"
    assert (found.live, found.paced) == (True, True)


def test_patterns_with_a_duration_end_like_files() -> None:
    found = plan("pattern://life?duration=2.5&seed=7&rate=30000/1001")
    assert found.url == "life=size=1280x720:rate=30000/1001:seed=7,trim=duration=2.5,format=yuv420p"
    assert (found.live, found.paced) == (False, True)


_SAFE_GRAPH = re.compile(
    r"[a-z0-9]+=size=\d+x\d+:rate=[\d./]+(:[a-z_]+=\w+)*(,trim=duration=[\d.]+)?,format=yuv420p"
)


@given(
    name=st.sampled_from(sorted(GENERATORS)),
    option=st.sampled_from(["size", "rate", "duration", "seed", "ratio", "rule", "color"]),
    value=st.text(st.sampled_from("0123456789x./,:;=[]'\\@ %redblack")),
)
def test_no_value_brings_a_filter_graph_along(name: str, option: str, value: str) -> None:
    try:
        found = plan(f"pattern://{name}?{option}={value}")
    except SourceUnsupported:
        return
    assert _SAFE_GRAPH.fullmatch(found.url.replace("ratio=0.", "ratio=0")), found.url
