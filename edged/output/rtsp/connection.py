"""One player's TCP connection: requests in, answers and interleaved packets out."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from edged.output.rtsp.listening import Listener
from edged.output.rtsp.login import Doorkeeper, Login
from edged.output.rtsp.messages import Interleaved, Malformed, MessageReader, Request, response
from edged.output.rtsp.outbox import Outbox

STUCK_S = 10.0
"""A player that takes nothing for so long, though something waits, is closed."""
REQUEST_S = 10.0
"""From a request's first byte to its last, and from the connection to its first request."""
IDLE_S = 60.0
"""Without a request, on a connection that has no viewer."""
RECEIVE_BYTES = 16 * 1024
SEND_BUFFER = 512 * 1024
"""Of the kernel: it bounds what a player that stopped reading holds there."""

Address = tuple[Any, ...]
"""As the socket module has it: (host, port), and for IPv6 (host, port, flow, scope)."""


@dataclass(slots=True)
class Held:
    """An answer that waits for something; no later request is read before it is given."""

    until_s: float
    """Then ``late`` is what is answered."""
    late: bytes
    early: Callable[[], bytes | None]
    """The answer as soon as it is not None; asked again whenever something happened."""


class Connection:
    """Owned by the server's thread; the socket does not block."""

    def __init__(self, sock: socket.socket, listener: Listener, login: Login | None, now_s: float) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        self.sock = sock
        self.listener = listener
        self._peer: Address = sock.getpeername()
        self.peer: str = self._peer[0]
        self.own_address: str = sock.getsockname()[0]
        self.doorkeeper = Doorkeeper(login)
        self.wrong_logins = 0
        self.outbox = Outbox()
        self.held: Held | None = None
        self.closing = False
        """Closed as soon as its last answer has left."""
        self.broken = False
        self._reader = MessageReader()
        self._asked_s = now_s
        self._has_asked = False
        self._begun_s: float | None = None
        self._moved_s = now_s

    def peer_at(self, port: int) -> Address:
        """Another port of the peer, for a socket of the same family."""
        return (self.peer, port, *self._peer[2:])

    def fileno(self) -> int:
        """For the selector."""
        return self.sock.fileno()

    def receive(self, now_s: float) -> None:
        """Take what the socket has; a peer that is gone makes the connection broken."""
        try:
            data = self.sock.recv(RECEIVE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.broken = True
            return
        self._reader.feed(data)
        if self._begun_s is None:
            self._begun_s = now_s

    def next_message(self, now_s: float) -> Request | Interleaved | None:
        """What came; None while an answer is held. What is malformed is answered here, and ends it."""
        if self.held or self.closing or self.broken:
            return None
        try:
            message = self._reader.next()
        except Malformed as error:
            self.answer(response(error.status, error.cseq, [("Connection", "close")]))
            self.closing = True
            return None
        if isinstance(message, Request):
            self._asked_s = now_s
            self._has_asked = True
        if not self._reader.waiting:
            self._begun_s = None
        elif message is not None:
            self._begun_s = now_s
        return message

    @property
    def wants_to_read(self) -> bool:
        """While an answer is held nothing more is read: the peer's own buffers bound what it sends."""
        return not (self.held or self.closing)

    def answer(self, data: bytes) -> None:
        """Queue an answer; one that finds no room breaks the connection."""
        if not self.outbox.answer(data):
            self.broken = True

    def release(self, data: bytes) -> None:
        """Give the answer that was held."""
        self.held = None
        self.answer(data)

    def look_again(self) -> None:
        """Give the answer that was held, if there is one now."""
        answer = self.held.early() if self.held else None
        if answer is not None:
            self.release(answer)

    def flush(self, now_s: float) -> None:
        """Write what the socket takes."""
        try:
            if self.outbox.flush(self.sock.send) or not self.outbox:
                self._moved_s = now_s
        except OSError:
            self.broken = True

    def check(self, now_s: float, *, has_viewer: bool) -> None:
        """Notice what did not come in time."""
        if self.outbox and now_s - self._moved_s > STUCK_S:
            self.broken = True
        elif self.held and now_s >= self.held.until_s:
            self.release(self.held.late)
        elif self._begun_s is not None and not self.held and now_s - self._begun_s > REQUEST_S:
            self.answer(response(408, "", [("Connection", "close")]))
            self.closing = True
        elif not has_viewer and not self.held and now_s - self._asked_s > self._patience_s:
            self.closing = True

    @property
    def _patience_s(self) -> float:
        """Who says nothing at all must not keep the place of a player."""
        return IDLE_S if self._has_asked else REQUEST_S

    def close(self) -> None:
        """Close the socket, with what is not sent yet."""
        self.sock.close()
