"""The files of a folder over HTTP as web servers give them: with ranges (RFC 9110, 14)."""

from __future__ import annotations

import base64
import http.server
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


@contextmanager
def range_server(folder: Path, *, user: str = "") -> Iterator[tuple[str, list[str]]]:
    """Yields its address without credentials, and the ranges that were asked for, as they come.

    ``user``: ``name:password`` that each request must have.
    """
    asked: list[str] = []

    class Files(_Files):
        pass

    Files.folder, Files.asked, Files.user = folder, asked, user
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


class _Files(http.server.BaseHTTPRequestHandler):
    folder: Path
    asked: list[str]
    user = ""

    def do_GET(self) -> None:
        wanted = f"Basic {base64.b64encode(self.user.encode()).decode()}"
        if self.user and self.headers.get("Authorization") != wanted:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="films"')
            self.end_headers()
            return
        path = self.folder / self.path.partition("?")[0].lstrip("/")
        if not path.is_file():
            self.send_error(404)
            return
        self._send(path.read_bytes())

    def _send(self, content: bytes) -> None:
        wanted = _RANGE.match(self.headers.get("Range", ""))
        begin = int(wanted[1]) if wanted else 0
        end = int(wanted[2]) + 1 if wanted and wanted[2] else len(content)
        if wanted:
            self.asked.append(wanted[0])
        self.send_response(206 if wanted else 200)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(end - begin))
        if wanted:
            self.send_header("Content-Range", f"bytes {begin}-{end - 1}/{len(content)}")
        self.end_headers()
        try:
            self.wfile.write(content[begin:end])
        except OSError:
            return  # it has enough

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing: the test says what matters."""
