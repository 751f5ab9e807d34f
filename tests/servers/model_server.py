"""A real HTTP server for model files that can be made to misbehave in every way that servers do."""

from __future__ import annotations

import contextlib
import hashlib
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

PIECE_BYTES = 64 * 1024


@dataclass
class Shelf:
    """One file, and how it is served. Every field may be changed while the server runs."""

    content: bytes
    breaks_at: int | None = None
    """The connection ends after so many bytes of the file, counted from its beginning."""
    breaks: int = 1_000_000
    """So many times."""
    claims: int | None = None
    """The Content-Length, instead of the truth."""
    knows_ranges: bool = True
    sends: bytes | None = None
    """Other bytes than those of `content`."""
    statuses: list[int] = field(default_factory=list)
    """Of the next requests; then 200."""
    retry_after: str = ""
    leads_to: str = ""
    """A redirect."""
    pause_s: float = 0.0
    """Before each piece."""
    is_silent: bool = False
    """Says that the file comes, and sends none of it."""
    is_chunked: bool = False
    tag: str = '"v1"'

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True)
class Asked:
    path: str
    host: str
    headers: dict[str, str]


class ModelServer:
    """On loopback, on a port of its own, as ``127.0.0.1`` and as ``localhost``."""

    def __init__(self, **shelves: Shelf) -> None:
        """By the file's name without ``.onnx``."""
        self.shelves = {f"/{name}.onnx": shelf for name, shelf in shelves.items()}
        self.asked: list[Asked] = []
        self.over = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                server._serve(self)

            def log_message(self, *_: Any) -> None:
                """Not into the tests' output."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,))

    def __enter__(self) -> ModelServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def secure(self, certificate: Path, key: Path) -> None:
        """Speak TLS; before it is entered."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self._http.socket = context.wrap_socket(
            self._http.socket, server_side=True, do_handshake_on_connect=False
        )

    @property
    def port(self) -> int:
        return int(self._http.server_address[1])

    def url(self, name: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}/{name}.onnx"

    def entry(self, name: str, **more: Any) -> dict[str, Any]:
        """One of ``spec.models``."""
        return {"url": self.url(name), "sha256": self.shelves[f"/{name}.onnx"].sha256, **more}

    def ranges(self, name: str) -> list[str]:
        """Of all requests for a file; empty for the whole of it."""
        return [asked.headers.get("range", "") for asked in self.asked if asked.path == f"/{name}.onnx"]

    def _serve(self, request: BaseHTTPRequestHandler) -> None:
        path = request.path.partition("?")[0]
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.asked.append(Asked(request.path, headers.get("host", ""), headers))
        shelf = self.shelves.get(path)
        status = 404 if shelf is None else shelf.statuses.pop(0) if shelf.statuses else 200
        with contextlib.suppress(ConnectionError):
            if shelf is None or status != 200 or shelf.leads_to:
                _refuse(request, status, shelf)
            else:
                self._send(request, shelf, _begin(shelf, headers))

    def _send(self, request: BaseHTTPRequestHandler, shelf: Shelf, begin: int) -> None:
        content = shelf.content if shelf.sends is None else shelf.sends
        if begin >= len(content) > 0 and begin:
            return _refuse(request, 416, None)
        request.close_connection = True
        request.send_response(206 if begin else 200)
        total = len(content) if shelf.claims is None else shelf.claims
        if begin:
            request.send_header("Content-Range", f"bytes {begin}-{total - 1}/{total}")
        elif shelf.knows_ranges:
            request.send_header("Accept-Ranges", "bytes")
        if shelf.is_chunked:
            request.send_header("Transfer-Encoding", "chunked")
        else:
            request.send_header("Content-Length", str(total - begin))
        request.send_header("ETag", shelf.tag)
        request.end_headers()
        if shelf.is_silent:
            self.over.wait(60)
        for piece in self._pieces(shelf, content, begin):
            chunk = b"%x\r\n%b\r\n" % (len(piece), piece) if shelf.is_chunked else piece
            request.wfile.write(chunk)
        if shelf.is_chunked:
            request.wfile.write(b"0\r\n\r\n")
        return None

    def _pieces(self, shelf: Shelf, content: bytes, begin: int) -> Iterator[bytes]:
        at = begin
        while at < len(content) and not self.over.is_set():
            time.sleep(shelf.pause_s)
            end = min(at + PIECE_BYTES, len(content))
            if shelf.breaks_at is not None and shelf.breaks and end > shelf.breaks_at:
                yield content[at : shelf.breaks_at]
                shelf.breaks -= 1
                raise ConnectionAbortedError
            yield content[at:end]
            at = end


def _begin(shelf: Shelf, headers: dict[str, str]) -> int:
    """From which byte on it is sent."""
    is_version = headers.get("if-range", shelf.tag) == shelf.tag
    if not shelf.knows_ranges or "range" not in headers or not is_version:
        return 0
    return int(headers["range"].removeprefix("bytes=").removesuffix("-"))


def _refuse(request: BaseHTTPRequestHandler, status: int, shelf: Shelf | None) -> None:
    leads_to = shelf.leads_to if shelf is not None and status == 200 else ""
    request.send_response(302 if leads_to else status)
    if leads_to:
        request.send_header("Location", leads_to)
    if shelf is not None and shelf.retry_after:
        request.send_header("Retry-After", shelf.retry_after)
    request.send_header("Content-Length", "0")
    request.end_headers()
