"""A real HTTP proxy (RFC 9110, 7.7 and 9.3.6): forwards http, tunnels what CONNECT asks for, knows names."""

from __future__ import annotations

import base64
import contextlib
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_HEAD_LIMIT = 64 * 1024


@dataclass(frozen=True)
class Request:
    """What it was asked for, in clear."""

    method: str
    target: str
    headers: dict[str, str] = field(default_factory=dict)


class Proxy:
    """On loopback. ``hosts`` are the names that it alone knows, each with a port on loopback."""

    def __init__(self, hosts: Mapping[str, int], *, user: str = "", refuses: int = 0) -> None:
        """``user``: ``name:password`` that it asks for. ``refuses``: the status of all its answers."""
        self.asked: list[Request] = []
        self.carried = bytearray()
        """All that clients sent through it, as it saw it."""
        self._hosts = hosts
        self._expected = f"Basic {base64.b64encode(user.encode()).decode()}" if user else ""
        self._refuses = refuses
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._accept, daemon=True)

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def __enter__(self) -> Proxy:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near: socket.socket) -> None:
        with near, contextlib.suppress(OSError):
            near.settimeout(30)
            head = _head_of(near)
            if not head:
                return
            request = _parsed(head)
            self.asked.append(request)
            status = self._refuses or self._checked(request)
            if status:
                near.sendall(
                    f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
                )
                return
            host, port = _place(request)
            with socket.create_connection(("127.0.0.1", self._hosts.get(host, port))) as far:
                if request.method == "CONNECT":
                    near.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                else:
                    self.carried += head
                    far.sendall(_forwarded(head, request))
                back = threading.Thread(target=_carry, args=(far, near), daemon=True)
                back.start()
                _carry(near, far, self.carried)
                back.join(30)

    def _checked(self, request: Request) -> int:
        """The status of a refusal; 0: there is none."""
        if self._expected and request.headers.get("proxy-authorization") != self._expected:
            return 407
        return 0 if _place(request)[0] in self._hosts else 502


def _head_of(near: socket.socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head and len(head) < _HEAD_LIMIT:
        piece = near.recv(4096)
        if not piece:
            return b""
        head += piece
    return head


def _parsed(head: bytes) -> Request:
    first, *lines = head.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ")
    pairs = (line.partition(":") for line in lines)
    return Request(method, target, {name.lower(): value.strip() for name, _, value in pairs})


def _place(request: Request) -> tuple[str, int]:
    target = request.target if request.method != "CONNECT" else f"//{request.target}"
    parts = urlsplit(target)
    return parts.hostname or "", parts.port or 80


def _forwarded(head: bytes, request: Request) -> bytes:
    """In origin form, without what is the proxy's own."""
    rest = head.partition(b"\r\n")[2]
    parts = urlsplit(request.target)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [line for line in rest.split(b"\r\n") if not line.lower().startswith(b"proxy-")]
    return f"{request.method} {path} HTTP/1.1\r\n".encode() + b"\r\n".join(lines)


def _carry(source: socket.socket, target: socket.socket, seen: bytearray | None = None) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(65_536):
            if seen is not None:
                seen += piece
            target.sendall(piece)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
