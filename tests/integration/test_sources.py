"""Every scheme is opened for real, by the capture process, against a real peer."""

from __future__ import annotations

import http.server
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import av
import pytest

from edged.capture.opening import OpenSource, open_source
from edged.capture.sources import plan_open
from edged.errors import ChannelClosed, EdgedError, SourceUnavailable, SourceUnsupported
from edged.model.capturing import CaptureSpec, SourceReport, SourceState, TrackRequest
from edged.model.gauges import CaptureGauge
from edged.model.messages import Stop
from edged.model.redact import redact_url
from edged.supervise.spawn import spawn
from edged.supervise.wire import Decoder
from tests.servers.rtsp import Camera, Film, RtspServer
from tests.servers.streams import file_server, hls_server, mjpeg_camera, rtmp_server, srt_sender, udp_sender
from tests.stopwatch import HANGS_S, Stopwatch

PASSWORD = "s3cr%40t%2Fword"
PLAIN_PASSWORD = "s3cr@t/word"


def spec(url: str, **changes: object) -> CaptureSpec:
    return CaptureSpec(1, "cam", url, redact_url(url), **changes)  # type: ignore[arg-type]


@dataclass
class Watched:
    """What a capture process said of its source."""

    report: SourceReport
    frames: int
    said: list[SourceReport] = field(default_factory=list)


def watch(wanted: CaptureSpec, *, frames: int = 10, within_s: float = 60.0) -> Watched:
    """Run a capture process on ``wanted`` until so many frames came or it failed."""
    child = spawn("edged.capture", "capture cam", log_level="ERROR")
    decoder = Decoder([SourceReport, TrackRequest])
    said: list[SourceReport] = []
    deadline = time.monotonic() + within_s
    try:
        assert child.channel.send(wanted, wait_s=1.0)
        while time.monotonic() < deadline:
            packet = child.channel.receive(wait_s=0.05)
            message = decoder.decode(packet.body) if packet else None
            if isinstance(message, SourceReport):
                said.append(message)
            count = child.heartbeat.gauges[CaptureGauge.FRAMES]
            ended = said and said[-1].state in (SourceState.FAILED, SourceState.RETRYING)
            if ended or (said and said[-1].state is SourceState.RUNNING and count >= frames):
                return Watched(said[-1], count, said)
        raise AssertionError(f"only {child.heartbeat.gauges[CaptureGauge.FRAMES]} frames; it said {said}")
    finally:
        try:
            child.channel.send(Stop(), wait_s=1.0)
            child.popen.wait(HANGS_S)
        except ChannelClosed:
            pass
        finally:
            child.popen.kill()
            child.popen.wait(HANGS_S)
            child.release()


@contextmanager
def opened(wanted: CaptureSpec) -> Iterator[OpenSource]:
    source = open_source(plan_open(wanted), wanted)
    try:
        yield source
    finally:
        source.close()


def refusal(wanted: CaptureSpec, policy: type[EdgedError]) -> str:
    with pytest.raises(policy) as caught, opened(wanted):
        pass
    assert caught.value.__cause__ is None
    return str(caught.value)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of H.264, 320x240, 10 fps."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    with (
        av.open(str(path), "w") as out,
        av.open("testsrc2=size=320x240:rate=10:duration=2", format="lavfi") as source,
    ):
        stream = out.add_stream("libx264", rate=10, options={"g": "10"})
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for frame in source.decode(video=0):
            frame.pict_type = 0
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def rtsp(film: Path) -> Iterator[RtspServer]:
    with RtspServer([Camera("/live"), Camera("/jpeg", "jpeg"), Film("/film", film)]) as server:
        yield server


@pytest.fixture(scope="module")
def guarded() -> Iterator[RtspServer]:
    with RtspServer([Camera("/live")], user="admin", password=PLAIN_PASSWORD) as server:
        yield server


# ---- frames ----


def check_running(seen: Watched, codec: str, size: tuple[int, int]) -> None:
    assert seen.report.state is SourceState.RUNNING, seen.said
    assert seen.report.codec == codec
    assert (seen.report.width, seen.report.height) == size
    assert not seen.report.error


def test_a_file_is_played_and_looped(film: Path) -> None:
    seen = watch(spec(str(film), loop=True), frames=25)
    check_running(seen, "h264", (320, 240))
    assert seen.report.fps == pytest.approx(10)


def test_a_file_by_its_url(film: Path) -> None:
    odd = film.with_name("a b#c%.mp4")
    odd.write_bytes(film.read_bytes())
    check_running(watch(spec(f"file://{film.parent}/a%20b%23c%25.mp4")), "h264", (320, 240))


def test_a_file_whose_name_looks_like_a_protocol(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (film.parent / "concat:a.mp4").write_bytes(film.read_bytes())
    monkeypatch.chdir(film.parent)
    with opened(spec("concat:a.mp4")) as source:
        assert source.context.width == 320


def test_a_pattern() -> None:
    seen = watch(spec("pattern://testsrc2?size=160x120&rate=20"))
    assert (seen.report.state, seen.report.width, seen.report.height) == (SourceState.RUNNING, 160, 120)
    assert seen.report.fps == pytest.approx(20)


@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize(("path", "codec"), [("/live", "h264"), ("/jpeg", "mjpeg")])
def test_rtsp(rtsp: RtspServer, transport: str, path: str, codec: str) -> None:
    seen = watch(spec(rtsp.url(path), transport=transport))
    check_running(seen, codec, (640, 360))
    assert seen.report.fps == pytest.approx(15)


def test_rtsp_opens_within_half_a_second_of_video(rtsp: RtspServer) -> None:
    wanted = spec(rtsp.url("/live"))
    watch = Stopwatch()
    with opened(wanted) as source:
        # FFmpeg's own habit of looking at 20 frames takes 1.3 s at 15 fps
        assert watch.is_within(1.0)
        assert source.fps == pytest.approx(15)
        assert (source.context.width, source.context.height) == (640, 360)


@pytest.mark.parametrize("digest", [False, True])
def test_rtsp_with_a_password_full_of_special_characters(*, digest: bool) -> None:
    with RtspServer([Camera("/live")], user="admin", password=PLAIN_PASSWORD, digest=digest) as server:
        check_running(watch(spec(server.url("/live", credentials=f"admin:{PASSWORD}"))), "h264", (640, 360))


def test_rtmp() -> None:
    with rtmp_server() as url:
        check_running(watch(spec(url)), "h264", (320, 240))


def test_udp() -> None:
    with udp_sender() as url:
        check_running(watch(spec(url)), "h264", (320, 240))


def test_srt() -> None:
    with srt_sender() as url:
        check_running(watch(spec(url)), "h264", (320, 240))


def test_srt_with_a_passphrase_and_by_the_sender_calling() -> None:
    with (
        srt_sender(passphrase="0123456789ab") as url,
        opened(spec(f"{url}?passphrase=0123456789ab&latency=50000")) as source,
    ):
        assert source.context.width == 320
    with srt_sender(calling=True) as url, opened(spec(f"{url}?mode=listener")) as source:
        assert source.context.width == 320


def test_hls_is_paced(film: Path) -> None:
    with hls_server() as url:
        start_s = time.monotonic()
        seen = watch(spec(url), frames=40)
    check_running(seen, "h264", (320, 240))
    assert time.monotonic() - start_s > 1.0, "a segment's frames must not come in one burst"


def test_mjpeg_over_http() -> None:
    with mjpeg_camera(user="admin", password=PLAIN_PASSWORD) as url:
        seen = watch(spec(url.replace("://", f"://admin:{PASSWORD}@")))
    check_running(seen, "mjpeg", (320, 240))


def test_a_film_on_a_web_server(film: Path) -> None:
    with file_server(film.parent) as address:
        check_running(watch(spec(f"{address}/film.mp4")), "h264", (320, 240))


# ---- why not ----


def test_rtsp_refusals_tell_the_mend(rtsp: RtspServer, guarded: RtspServer) -> None:
    assert "there is no stream at /other (404)" in refusal(spec(rtsp.url("/other")), SourceUnavailable)
    anonymous = refusal(spec(guarded.url("/live")), SourceUnavailable)
    assert "asks for user and password (401)" in anonymous
    wrong = refusal(spec(guarded.url("/live", credentials="admin:wr0ng")), SourceUnavailable)
    assert "refuses this user or password (401)" in wrong
    assert "wr0ng" not in wrong


def test_a_port_where_nothing_listens() -> None:
    with RtspServer([Camera("/live")]) as server:
        url = server.url("/live", credentials=f"admin:{PASSWORD}")
    told = refusal(spec(url), SourceUnavailable)
    assert f"nothing listens at 127.0.0.1, port {server.port}" in told
    assert "s3cr" not in told


def test_a_server_that_hangs_is_given_up() -> None:
    with RtspServer([Camera("/live")]) as server:
        server.freeze()
        watch = Stopwatch()
        told = refusal(
            spec(server.url("/live", credentials=f"admin:{PASSWORD}"), timeout_s=1.0), SourceUnavailable
        )
        assert watch.is_within(12)
    assert "in time" in told
    assert "s3cr" not in told


def test_a_host_that_does_not_exist() -> None:
    told = refusal(spec(f"rtsp://admin:{PASSWORD}@camera.invalid/live"), SourceUnavailable)
    assert "camera.invalid" in told
    assert "s3cr" not in told


def test_files_that_are_no_videos(tmp_path: Path, assets: Path) -> None:
    text = tmp_path / "video.mp4"
    text.write_text("not a video\n" * 1000)
    assert "is not a video that edged reads" in refusal(spec(str(text)), SourceUnsupported)
    assert "is a folder" in refusal(spec(str(tmp_path)), SourceUnsupported)
    assert "there is no" in refusal(spec(str(tmp_path / "gone.mp4")), SourceUnavailable)
    assert "is not a video" in refusal(spec(str(assets / "mnist.onnx")), SourceUnsupported)


def test_a_device_that_is_not_there() -> None:
    assert "there is no /dev/video97" in refusal(spec("/dev/video97"), SourceUnavailable)


def test_srt_refusals_tell_the_mend() -> None:
    with srt_sender(passphrase="0123456789ab") as url:
        told = refusal(spec(f"{url}?passphrase=0123456789wrong", timeout_s=1.0), SourceUnavailable)
        assert "do not have the same passphrase" in told
        assert "0123456789" not in told
    told = refusal(spec("srt://camera.invalid:9000"), SourceUnavailable)
    assert "there is no host camera.invalid" in told


def test_the_capture_process_never_tells_the_password(guarded: RtspServer) -> None:
    seen = watch(spec(guarded.url("/live", credentials="admin:wr0ng")))
    assert seen.report.state is SourceState.RETRYING
    assert "(401)" in seen.report.error
    assert "wr0ng" not in repr(seen)


# ---- what a stream names is not opened ----


@contextmanager
def eavesdropper() -> Iterator[tuple[str, list[str]]]:
    """A web server that notes what is asked of it."""
    asked: list[str] = []

    class Noting(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Noting)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{there}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '{there}'\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
        "m=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nfile://{secret}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '{secret}'\n",
    ],
    ids=["hls", "concat", "sdp", "hls of a file", "concat of a file"],
)
@pytest.mark.parametrize("name", ["video.mp4", "video.m3u8", "video.ffconcat", "video.sdp"])
def test_a_file_that_points_elsewhere_reaches_nothing(
    tmp_path: Path, film: Path, text: str, name: str
) -> None:
    with eavesdropper() as (address, asked):
        (tmp_path / name).write_text(text.format(there=f"{address}/segment.ts", secret=film))
        told = refusal(spec(str(tmp_path / name), timeout_s=2.0), SourceUnsupported)
    assert not asked
    assert "is not a video that edged reads" in told


def test_a_playlist_of_the_network_reaches_no_file_here(tmp_path: Path, film: Path) -> None:
    segment = tmp_path / "segment.ts"
    with av.open(str(film)) as source, av.open(str(segment), "w", format="mpegts") as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)
    head = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n"
    (tmp_path / "own.m3u8").write_text(f"{head}segment.ts\n#EXT-X-ENDLIST\n")
    (tmp_path / "spy.m3u8").write_text(f"{head}file://{segment}\n#EXT-X-ENDLIST\n")
    with file_server(tmp_path) as address:
        with opened(spec(f"{address}/own.m3u8")) as source:  # the same segment, asked for in the right way
            assert source.context.width == 320
        refusal(spec(f"{address}/spy.m3u8", timeout_s=2.0), EdgedError)
