"""MJPEG over HTTP: what browsers, players and nosy clients get."""

from __future__ import annotations

import base64
import contextlib
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edged.errors import EdgedError
from edged.output.mjpeg import MjpegServer
from edged.output.mjpeg.requests import parse_request
from edged.output.rtsp import Login

JPEG = b"\xff\xd8" + bytes(range(256)) * 40 + b"\xff\xd9"
LOGIN = Login("viewer", "s3cr:t")


class Rig:
    def __init__(self, login: Login | None = None) -> None:
        self.told: list[tuple[str, int]] = []
        self.server = MjpegServer(
            "127.0.0.1", 0, login=login, on_viewers=lambda *news: self.told.append(news)
        )

    def ask(self, request: str, *, receive_bytes: int = 0) -> socket.socket:
        sock = socket.socket()
        if receive_bytes:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        sock.settimeout(15)
        sock.connect(("127.0.0.1", self.server.port))
        sock.sendall(request.encode())
        return sock

    def answer(self, target: str, method: str = "GET", *headers: str) -> bytes:
        """All of it, from an answer that ends."""
        lines = "".join(f"{header}\r\n" for header in headers)
        with self.ask(f"{method} {target} HTTP/1.1\r\nHost: box\r\n{lines}\r\n") as sock:
            return read_all(sock)


def read_all(sock: socket.socket) -> bytes:
    found = b""
    while chunk := sock.recv(65536):
        found += chunk
    return found


def until(holds: Callable[[], bool], within_s: float = 60.0) -> bool:
    deadline = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


@contextlib.contextmanager
def serving(login: Login | None = None) -> Iterator[Rig]:
    rig = Rig(login)
    rig.server.start()
    rig.server.set_paths(["gate", "yard"])
    try:
        yield rig
    finally:
        rig.server.close()


def test_pictures_come_whole_and_one_after_the_other() -> None:
    with serving() as rig, rig.ask("GET /gate HTTP/1.1\r\nHost: box\r\n\r\n") as sock:
        assert until(lambda: ("gate", 1) in rig.told)
        stream = sock.makefile("rb")
        assert stream.readline() == b"HTTP/1.1 200 OK\r\n"
        headers = dict(line.split(b": ") for line in iter(lambda: stream.readline().strip(), b""))
        boundary = headers[b"Content-Type"].partition(b"boundary=")[2]
        assert stream.readline().strip() == b"--" + boundary
        for number in range(5):
            rig.server.give("gate", JPEG + bytes([number]))
            part = dict(line.split(b": ") for line in iter(lambda: stream.readline().strip(), b""))
            assert part[b"Content-Type"] == b"image/jpeg"
            assert stream.read(int(part[b"Content-Length"])) == JPEG + bytes([number])
            assert stream.readline() == b"\r\n"
            assert stream.readline().strip() == b"--" + boundary
        stream.close()
        sock.close()
        assert until(lambda: rig.told[-1] == ("gate", 0)), "one that closes is noticed without a picture"


def test_one_picture_is_asked_for_and_comes_fresh() -> None:
    with serving() as rig:
        rig.server.give("gate", b"old")
        with rig.ask("GET /gate.jpg?now HTTP/1.1\r\n\r\n") as sock:
            assert until(lambda: ("gate", 1) in rig.told)
            rig.server.give("gate", JPEG)
            head, _, body = read_all(sock).partition(b"\r\n\r\n")
        assert body == JPEG
        assert b"Content-Type: image/jpeg" in head
        assert until(lambda: rig.told[-1] == ("gate", 0))


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "/", 200), ("HEAD", "/", 200), ("HEAD", "/gate", 200), ("HEAD", "/gate.jpg", 200),
        ("GET", "/nobody", 404), ("GET", "/nobody.jpg", 404), ("GET", "/gate/x", 404),
        ("GET", "/../gate", 404),
        ("POST", "/gate", 405), ("DELETE", "/", 405), ("GET", "gate", 400), ("G-T", "/", 400),
    ],
)  # fmt: skip
def test_what_else_is_asked(method: str, target: str, status: int) -> None:
    with serving() as rig:
        answer = rig.answer(target, method)
        assert answer.startswith(f"HTTP/1.1 {status} ".encode())
        assert (b"Allow: GET, HEAD" in answer) == (status == 405)
        _head, _, body = answer.partition(b"\r\n\r\n")
        if method == "HEAD":
            assert body == b""
        assert not rig.told, "nobody looks at a picture"


def test_the_page_lists_the_outputs_and_loads_nothing_from_elsewhere() -> None:
    with serving() as rig:
        page = rig.answer("/").partition(b"\r\n\r\n")[2].decode()
        assert 'href="/gate"' in page
        assert 'href="/yard.jpg"' in page
        assert "://" not in page
        assert not rig.told


def test_only_who_knows_the_password_sees_anything() -> None:
    with serving(LOGIN) as rig:
        right = base64.b64encode(b"viewer:s3cr:t").decode()
        wrong = base64.b64encode(b"viewer:guess").decode()
        for target in ("/", "/gate", "/gate.jpg", "/nobody"):
            for login in ((), (f"Authorization: Basic {wrong}",), ("Authorization: Digest x",)):
                answer = rig.answer(target, "GET", *login)
                assert answer.startswith(b"HTTP/1.1 401 ")
                assert b"WWW-Authenticate: Basic realm=" in answer
                assert b"gate" not in answer
        assert rig.answer("/", "GET", f"Authorization: basic {right}").startswith(b"HTTP/1.1 200 ")
        assert not rig.told


def test_who_stops_reading_holds_up_nobody_and_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edged.output.mjpeg.server._STUCK_S", 1.0)
    large = b"\xff" * 2_000_000
    with serving() as rig:
        stuck = rig.ask("GET /gate HTTP/1.1\r\n\r\n", receive_bytes=4096)
        with stuck, rig.ask("GET /gate HTTP/1.1\r\n\r\n") as reader:
            assert until(lambda: ("gate", 2) in rig.told)
            for _ in range(8):
                rig.server.give("gate", large)
                seen = 0
                while seen < len(large):
                    seen += len(reader.recv(1 << 20))
            assert until(lambda: rig.told[-1] == ("gate", 1))


def test_headers_without_end_and_too_many_connections_are_refused() -> None:
    with serving() as rig, contextlib.ExitStack() as stack:
        with rig.ask("GET /gate HTTP/1.1\r\n" + "X: y\r\n" * 5000) as sock:
            assert read_all(sock).startswith(b"HTTP/1.1 431 ")
        for _ in range(64):
            stack.enter_context(rig.ask("GET /gate HTTP/1.1\r\n\r\n"))
        assert until(lambda: ("gate", 64) in rig.told)
        assert rig.answer("/").startswith(b"HTTP/1.1 503 ")


def test_an_output_that_goes_closes_its_viewers_and_no_others() -> None:
    with (
        serving() as rig,
        rig.ask("GET /gate HTTP/1.1\r\n\r\n") as gone,
        rig.ask("GET /yard HTTP/1.1\r\n\r\n") as stays,
    ):
        assert until(lambda: {("gate", 1), ("yard", 1)} <= set(rig.told))
        rig.server.set_paths(["yard"])
        read_all(gone)
        rig.server.give("yard", JPEG)
        found = b""
        while JPEG not in found:
            found += stays.recv(65536)
        assert rig.answer("/gate").startswith(b"HTTP/1.1 404 ")


def test_a_browser_shows_it(tmp_path: Path) -> None:
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        pytest.skip("no Chromium: apt-get install --no-install-recommends chromium")
    orange = cv2.imencode(".jpg", np.full((240, 320, 3), (0, 128, 255), np.uint8))[1].tobytes()
    with serving() as rig:
        done = threading.Event()

        def feed() -> None:
            while not done.wait(0.1):
                rig.server.give("gate", orange)

        feeding = threading.Thread(target=feed)
        feeding.start()
        page, shot = tmp_path / "page.html", tmp_path / "shot.png"
        page.write_text(f'<body style="margin:0"><img src="http://127.0.0.1:{rig.server.port}/gate">')
        command = [browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        command += ["--hide-scrollbars", "--window-size=400,300", "--timeout=10000"]
        command += [f"--user-data-dir={tmp_path / 'profile'}", f"--screenshot={shot}", page.as_uri()]
        try:
            subprocess.run(command, capture_output=True, timeout=60, check=True)
        finally:
            done.set()
            feeding.join()
        shown = cv2.imread(str(shot))
        assert shown is not None
        assert np.abs(shown[100, 100].astype(int) - (0, 128, 255)).max() < 12
        assert ("gate", 1) in rig.told


def test_a_port_that_is_taken_is_told_with_the_mend() -> None:
    with serving() as rig:
        other = MjpegServer("127.0.0.1", rig.server.port, login=None, on_viewers=lambda *_: None)
        with pytest.raises(EdgedError, match=r"live\.http_port"):
            other.start()


@given(st.binary(max_size=200) | st.text(max_size=60).map(lambda text: f"GET /{text} HTTP/1.1".encode()))
def test_whatever_is_sent_is_a_request_or_none(head: bytes) -> None:
    asked = parse_request(head)
    assert asked is None or asked.path.startswith("/")


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=100), min_size=1, max_size=3))
def test_a_server_that_got_nonsense_serves_on(chunks: list[bytes]) -> None:
    with serving() as rig:
        with rig.ask("") as sock:
            for chunk in chunks:
                sock.sendall(chunk)
            sock.shutdown(socket.SHUT_WR)
            answer = read_all(sock)
            assert answer == b"" or answer.startswith(b"HTTP/1.1 ")
        assert rig.answer("/").startswith(b"HTTP/1.1 200 ")


def test_its_end_while_somebody_looks_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    with serving() as rig, rig.ask("GET /gate HTTP/1.1\r\n\r\n") as sock:
        assert until(lambda: ("gate", 1) in rig.told)
        rig.server.give("gate", JPEG)
        assert sock.recv(64)
        rig.server.close()
        assert not [record for record in caplog.records if record.levelname == "ERROR"]
