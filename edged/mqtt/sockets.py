"""What sockets of all three kinds need beside what paho does for them."""

from __future__ import annotations

import socket
from typing import Any


def make_ready(sock: Any) -> None:
    """A socket just opened, plain, TLS or paho's websocket: small packets go at once, frames whole."""
    with socket.socket(fileno=socket.dup(sock.fileno())) as same:
        same.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if not isinstance(sock, socket.socket):
        _send_whole_frames(sock)


def has_pending(sock: Any) -> bool:
    """Whether bytes wait above the kernel, where the loop does not see them."""
    pending = getattr(sock, "pending", None)
    return pending is not None and pending() > 0


def _send_whole_frames(websocket: Any) -> None:
    """Make a frame that was sent in part look like one that was not sent yet.

    paho 2.2 takes the 0 that its websocket returns for "sent": it forgets the packet, and what is left of
    the frame goes out under the next packet's name. The websocket itself goes on where it stopped.
    """
    send = websocket.send

    def send_or_block(data: bytes) -> int:
        written: int = send(data)
        if written == 0:
            raise BlockingIOError
        return written

    websocket.send = send_or_block
