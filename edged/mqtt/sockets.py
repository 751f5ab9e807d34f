"""What sockets of all three kinds need beside what paho does for them."""

from __future__ import annotations

import os
import socket
import struct
from typing import Any


def make_ready(sock: Any) -> None:
    """A socket just opened, plain, TLS or paho's websocket: small packets go at once, frames whole."""
    with socket.socket(fileno=socket.dup(sock.fileno())) as same:
        same.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if not isinstance(sock, socket.socket):
        _send_whole_frames(sock)
        _mask_quickly(sock)


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


def _mask_quickly(websocket: Any) -> None:
    """Mask frames (RFC 6455, 5.3) as one big number: paho 2.2 does it by the byte, 120 ms a megabyte."""
    if not hasattr(websocket, "_create_frame"):
        return  # another paho, which sends as well without this
    create = websocket._create_frame

    def create_masked(opcode: int, data: bytearray, do_masking: int = 1) -> bytearray:
        if not do_masking:
            return bytearray(create(opcode, data, do_masking))
        head: bytearray = create(opcode, bytearray(), 0)[:1]
        key = os.urandom(4)
        return head + _masked_length(len(data)) + key + xor(data, key)

    websocket._create_frame = create_masked


def xor(data: bytes | bytearray, key: bytes) -> bytes:
    """``data`` with each byte XORed by the one of the four of ``key`` at its place modulo 4."""
    keys = (key * (len(data) // 4 + 1))[: len(data)]
    number = int.from_bytes(data, "little") ^ int.from_bytes(keys, "little")
    return number.to_bytes(len(data), "little")


def _masked_length(length: int) -> bytes:
    if length < 126:
        return bytes((0x80 | length,))
    if length < 65536:
        return struct.pack("!BH", 0x80 | 126, length)
    return struct.pack("!BQ", 0x80 | 127, length)
