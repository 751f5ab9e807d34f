"""RTSP/1.0 on the wire (RFC 2326): what a connection receives, cut and checked, and what it answers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

MAX_LINE = 2048
MAX_HEAD = 8192
MAX_HEADERS = 64
MAX_BODY = 4096
"""Bytes. Nobody has to say more to look at a picture."""

REASONS = {
    200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 405: "Method Not Allowed",
    406: "Not Acceptable", 408: "Request Time-out", 413: "Request Entity Too Large",
    414: "Request-URI Too Large", 453: "Not Enough Bandwidth", 454: "Session Not Found",
    455: "Method Not Valid in This State", 457: "Invalid Range", 461: "Unsupported Transport",
    501: "Not Implemented", 503: "Service Unavailable", 505: "RTSP Version Not Supported",
    551: "Option not supported",
}  # fmt: skip

_LINE_END = re.compile("\r\n|\r|\n")
"""RFC 2326 section 4: CRLF, and be prepared for either alone."""
_HEAD_END = re.compile(rb"\r\n\r\n|\n\r?\n|\r\r")
_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


class Malformed(Exception):
    """What came is not RTSP, or too much of it: answer ``status`` and close."""

    def __init__(self, status: int = 400, cseq: str = "") -> None:
        super().__init__(REASONS[status])
        self.status = status
        self.cseq = cseq


@dataclass(frozen=True, slots=True)
class Request:
    """One request; the names of its headers are in lower case."""

    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def cseq(self) -> str:
        """As it came; empty: none, or not a number."""
        value = self.headers.get("cseq", "")
        return value if value.isascii() and value.isdigit() and len(value) <= 10 else ""

    @property
    def session(self) -> str:
        """The id without its parameters; empty: none."""
        return self.headers.get("session", "").partition(";")[0].strip()


@dataclass(frozen=True, slots=True)
class Interleaved:
    """Binary data that came between the requests (RFC 2326 section 10.12)."""

    channel: int
    data: bytes


def response(status: int, cseq: str, headers: Iterable[tuple[str, str]] = (), body: bytes = b"") -> bytes:
    """The bytes of a response; ``Content-Length`` is added where there is a body."""
    lines = [f"RTSP/1.0 {status} {REASONS[status]}"]
    if cseq:
        lines.append(f"CSeq: {cseq}")
    lines.append("Server: edged")
    lines += [f"{name}: {value}" for name, value in headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join((*lines, "", "")).encode("utf-8") + body


class MessageReader:
    """Cuts a stream of bytes into requests and interleaved data; keeps a bounded rest."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> None:
        """More bytes from the peer. The caller reads all messages before it feeds again."""
        self._rest += data

    @property
    def waiting(self) -> int:
        """Bytes that were fed and not read yet."""
        return len(self._rest)

    def next(self) -> Request | Interleaved | None:
        """The next message; None: it is not all there. Malformed: give up this connection."""
        del self._rest[: _leading_newlines(self._rest)]
        if not self._rest:
            return None
        return self._interleaved() if self._rest[0] == ord("$") else self._request()

    def _interleaved(self) -> Interleaved | None:
        if len(self._rest) < 4:
            return None
        end = 4 + int.from_bytes(self._rest[2:4], "big")
        if len(self._rest) < end:
            return None
        data = Interleaved(self._rest[1], bytes(self._rest[4:end]))
        del self._rest[:end]
        return data

    def _request(self) -> Request | None:
        found = _HEAD_END.search(self._rest, 0, MAX_HEAD + 4)
        if found is None:
            self._refuse_too_much()
            return None
        head, begin = bytes(self._rest[: found.start()]).decode("utf-8", "replace"), found.end()
        first, *rest = _LINE_END.split(head)
        method, url = _request_line(first)
        headers = _headers(rest)
        request = Request(method, url, headers)
        length = _body_length(request)
        if len(self._rest) < begin + length:
            return None
        body = bytes(self._rest[begin : begin + length])
        del self._rest[: begin + length]
        return Request(method, url, headers, body)

    def _refuse_too_much(self) -> None:
        """A head that cannot become a good one is refused before it is all there."""
        line, newline, _ = bytes(self._rest[: MAX_LINE + 2]).partition(b"\n")
        if not newline and len(self._rest) > MAX_LINE:
            raise Malformed(414)
        if len(self._rest) > MAX_HEAD:
            raise Malformed(413)
        if newline:
            _request_line(line.rstrip(b"\r").decode("utf-8", "replace"))


def _leading_newlines(data: bytearray) -> int:
    """Empty lines before a request are let pass, as RFC 2068 section 4.1 has it."""
    return len(data) - len(data.lstrip(b"\r\n"))


def _request_line(line: str) -> tuple[str, str]:
    parts = line.split(" ")
    if len(parts) != 3 or not parts[0] or not _TOKEN.issuperset(parts[0]) or not parts[1]:
        raise Malformed
    if len(line) > MAX_LINE:
        raise Malformed(414)
    if not parts[1].isascii() or not parts[1].isprintable():
        raise Malformed
    if parts[2] != "RTSP/1.0":
        raise Malformed(505 if "/" in parts[2] else 400)
    return parts[0], parts[1]


def _headers(lines: list[str]) -> dict[str, str]:
    if len(lines) > MAX_HEADERS:
        raise Malformed(413)
    headers: dict[str, str] = {}
    for line in _unfolded(lines):
        name, colon, value = line.partition(":")
        if not colon or not name or not _TOKEN.issuperset(name) or "\0" in value:
            raise Malformed
        key, value = name.lower(), value.strip()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    return headers


def _unfolded(lines: list[str]) -> list[str]:
    """A line that begins with white space goes on with the one before (RFC 2068 section 2.2)."""
    whole: list[str] = []
    for line in lines:
        if line[:1] in (" ", "\t") and whole:
            whole[-1] += " " + line.strip()
        else:
            whole.append(line)
    return whole


def _body_length(request: Request) -> int:
    value = request.headers.get("content-length", "0")
    if not (value.isascii() and value.isdigit()):
        raise Malformed(400, request.cseq)
    if len(value) > 9 or int(value) > MAX_BODY:
        raise Malformed(413, request.cseq)
    return int(value)
