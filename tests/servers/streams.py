"""Real peers for UDP, RTMP, HLS and MJPEG over HTTP, each a context manager with a bounded life."""

from __future__ import annotations

import base64
import functools
import http.server
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import pytest

from tests.servers.ports import free_port
from tests.servers.rtsp import missing_parts

_SENDER = Path(__file__).with_name("sender.py")
_START_S = 60.0


@contextmanager
def udp_sender() -> Iterator[str]:
    """Sends MPEG-TS (H.264, 320x240, 25 fps) to the ``udp://`` address that it yields."""
    address = f"127.0.0.1:{free_port(socket.SOCK_DGRAM)}"
    with _sender("udp", address):
        yield f"udp://{address}"


@contextmanager
def rtmp_server() -> Iterator[str]:
    """Serves FLV (H.264, 320x240, 25 fps) to one player after the other; yields the ``rtmp://`` address."""
    port = free_port()
    with _sender("rtmp", f"127.0.0.1:{port}"):
        _wait_until(lambda: _listens(port), f"nothing listens at port {port}")
        yield f"rtmp://127.0.0.1:{port}/live"


@contextmanager
def srt_sender(*, passphrase: str = "", calling: bool = False) -> Iterator[str]:
    """GStreamer's SRT sender: MPEG-TS (H.264, 320x240, 25 fps); yields ``srt://host:port``.

    It waits to be called, or calls that address itself.
    """
    if reason := missing_parts("srtsink mpegtsmux x264enc h264parse videotestsrc"):
        pytest.skip(reason)
    address = f"srt://127.0.0.1:{free_port(socket.SOCK_DGRAM)}"
    secret = f"&passphrase={passphrase}" if passphrase else ""
    pipeline = (
        "videotestsrc is-live=true ! video/x-raw,format=I420,width=320,height=240,framerate=25/1"
        " ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25 ! h264parse config-interval=-1"
        f" ! mpegtsmux alignment=7 ! srtsink wait-for-connection=false"
        f" uri={address}?mode={'caller' if calling else 'listener'}{secret}"
    )
    command = ["timeout", "600", "gst-launch-1.0", "-q", *pipeline.split()]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        if not calling:
            port = int(address.rpartition(":")[2])
            _wait_until(lambda: _is_bound(port), f"nothing is bound to UDP port {port}")
        yield address
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def hls_server() -> Iterator[str]:
    """A live playlist of one-second segments (H.264, 320x240, 25 fps); yields its ``http://`` address."""
    with tempfile.TemporaryDirectory() as folder, _sender("hls", folder):
        _wait_until((Path(folder) / "live.m3u8").exists, "no playlist was written")
        with file_server(Path(folder)) as address:
            yield f"{address}/live.m3u8"


@contextmanager
def file_server(folder: Path) -> Iterator[str]:
    """The files of a folder over HTTP; yields ``http://127.0.0.1:port``."""
    with _serve(functools.partial(_Quiet, directory=str(folder))) as address:
        yield address


@contextmanager
def mjpeg_camera(*, user: str = "", password: str = "", rate: int = 10) -> Iterator[str]:
    """An HTTP camera as they are: JPEGs (320x240) one after the other, without any time stamps.

    Yields the address of the stream, without credentials in it; any other path is a 404.
    """
    wanted = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode() if user else ""
    handler = functools.partial(_Camera, pictures=_pictures(rate), rate=rate, wanted=wanted)
    with _serve(handler) as address:
        yield f"{address}/video.cgi"


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing: the test says what matters."""


class _Camera(http.server.BaseHTTPRequestHandler):
    def __init__(self, *args: object, pictures: list[bytes], rate: int, wanted: str) -> None:
        self._pictures, self._rate, self._wanted = pictures, rate, wanted
        super().__init__(*args)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        if self._wanted and self.headers.get("Authorization") != self._wanted:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="camera"')
            self.end_headers()
        elif self.path != "/video.cgi":
            self.send_error(404)
        else:
            self._stream()

    def _stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        began, until = time.monotonic(), time.monotonic() + 600
        index = 0
        while time.monotonic() < until and not self.server.ending.wait(  # type: ignore[attr-defined]
            max(0.0, began + index / self._rate - time.monotonic())
        ):
            picture = self._pictures[index % len(self._pictures)]
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
            try:
                self.wfile.write(head.encode() + picture + b"\r\n")
            except OSError:
                return  # the viewer went away
            index += 1

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing: the test says what matters."""


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, handler: object) -> None:
        self.ending = threading.Event()
        super().__init__(("127.0.0.1", 0), handler)  # type: ignore[arg-type]


@contextmanager
def _serve(handler: object) -> Iterator[str]:
    server = _Server(handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.ending.set()
        server.shutdown()
        server.server_close()
        thread.join(5)


@functools.cache
def _pictures(rate: int) -> list[bytes]:
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = 320, 240, "yuvj420p"
    encoder.options = {"q:v": "5"}
    found: list[bytes] = []
    with av.open(f"testsrc2=size=320x240:rate={rate}:duration=3,format=yuvj420p", format="lavfi") as source:
        encoder.time_base = source.streams.video[0].time_base
        for frame in source.decode(video=0):
            found += [bytes(packet) for packet in encoder.encode(frame)]
    return found


@contextmanager
def _sender(kind: str, target: str) -> Iterator[None]:
    process = subprocess.Popen([sys.executable, str(_SENDER), kind, target])
    try:
        yield
    finally:
        process.kill()
        process.wait(10)


def _listens(port: int) -> bool:
    """Asked of the kernel: a connection would be taken for a player."""
    wanted = f"0100007F:{port:04X}"
    rows = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return any(row.split()[1] == wanted and row.split()[3] == "0A" for row in rows)


def _is_bound(port: int) -> bool:
    rows = Path("/proc/net/udp").read_text().splitlines()[1:]
    return any(row.split()[1].endswith(f":{port:04X}") for row in rows)


def _wait_until(true: Callable[[], bool], problem: str) -> None:
    deadline = time.monotonic() + _START_S
    while not true():
        assert time.monotonic() < deadline, problem
        time.sleep(0.02)
