"""A real browser that plays a film: headless Chromium, a page that says what its `<video>` element did."""

from __future__ import annotations

import http.server
import json
import queue
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_KINDS = {".mkv": "video/x-matroska", ".webm": "video/webm"}
_WITHIN_S = 60.0
_PAGE = """<!doctype html><video id=v muted playsinline src="/film"></video><script>
const film = document.getElementById("v"), began = performance.now();
let seen = 0, first = null;
const say = error => fetch("/said", {method: "POST", body: JSON.stringify({
  error, shown: film.currentTime, first, duration: isFinite(film.duration) ? film.duration : -1,
  width: film.videoWidth, height: film.videoHeight,
  frames: film.getVideoPlaybackQuality().totalVideoFrames})});
film.onerror = () => say(film.error.code + " " + film.error.message);
film.onloadeddata = () => { first = film.duration; if (!isFinite(first)) first = -1; };
film.onended = () => say("");
film.play().catch(error => say(String(error)));
setTimeout(() => say("it did not end"), %d);
</script>"""


@dataclass(frozen=True)
class Played:
    """What became of a film, played to its end."""

    error: str
    shown: float
    """`currentTime` in the end: seconds."""
    first: float | None
    """`duration` when its first picture was there; -1: not known then."""
    duration: float
    """`duration` in the end."""
    width: int
    height: int
    frames: int
    """That were decoded to be shown."""


def play(film: Path) -> Played:
    """Play all of it, as fast as it is. Skips, saying so, where there is no Chromium."""
    browser = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if browser is None:
        pytest.skip("no Chromium: apt-get install --no-install-recommends chromium")
    said: queue.Queue[Played] = queue.Queue()
    with _served(film, said) as address, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        command += ["--no-first-run", "--autoplay-policy=no-user-gesture-required", "--mute-audio"]
        command += [f"--user-data-dir={profile}", address]
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        try:
            return said.get(timeout=_WITHIN_S)
        except queue.Empty:
            raise AssertionError(f"the browser said nothing of {film}") from None
        finally:
            process.terminate()
            process.wait(20)


class _Request(http.server.BaseHTTPRequestHandler):
    """The page, the film in ranges (RFC 9110, 14), and what the page says."""

    film: Path
    said: queue.Queue[Played]

    def do_GET(self) -> None:
        if self.path == "/film":
            self._range(self.film.read_bytes())
        elif self.path == "/":
            self._answer(200, "text/html", (_PAGE % ((_WITHIN_S - 10) * 1000)).encode())
        else:
            self.send_error(404)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.said.put(Played(**json.loads(body)))
        self._answer(200, "text/plain", b"")

    def _range(self, data: bytes) -> None:
        kind = _KINDS.get(self.film.suffix, "video/mp4")
        wanted = self.headers.get("Range")
        if not wanted:
            self._answer(200, kind, data)
            return
        begin, _, end = wanted.removeprefix("bytes=").partition("-")
        first, last = int(begin), min(int(end) if end else len(data) - 1, len(data) - 1)
        self._answer(206, kind, data[first : last + 1], f"bytes {first}-{last}/{len(data)}")

    def _answer(self, status: int, kind: str, body: bytes, of: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Accept-Ranges", "bytes")
        if of:
            self.send_header("Content-Range", of)
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            return  # the browser had enough of it

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing: the test says what matters."""


@contextmanager
def _served(film: Path, said: queue.Queue[Played]) -> Iterator[str]:
    handler = type("_Film", (_Request,), {"film": film, "said": said})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
