"""The channel between main and one child: an AF_UNIX SEQPACKET pair.

One message a packet, file descriptors beside it. Nobody ever waits for the other end unless it
says for how long: a full channel refuses, and the sender decides and counts. A message that does
not fit a packet travels as a sealed memfd; receivers do not see the difference.
"""

from __future__ import annotations

import fcntl
import os
import select
import socket
from collections.abc import Sequence
from dataclasses import dataclass

from edged.errors import ChannelClosed
from edged.supervise import wire

CONTROL = 0
"""Kind of a message encoded by `edged.supervise.wire`."""
RAW = 1
"""Kind of a message whose bytes mean something to its ends only."""

_SPILLED = 0x80
_INLINE_LIMIT = 64 * 1024
_PACKET_LIMIT = _INLINE_LIMIT + 1
_MAX_FDS = 64
_SPILL_LIMIT = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Packet:
    """One message as received. Whoever receives it owns its descriptors."""

    kind: int
    body: bytes
    fds: tuple[int, ...] = ()


class Channel:
    """One end. Safe for several sending threads (a message is one system call) and one that receives."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._sock = sock

    @classmethod
    def pair(cls) -> tuple[Channel, socket.socket]:
        """Main's end, and the socket to hand to the child (close it after the start)."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        return cls(ours), theirs

    def fileno(self) -> int:
        return self._sock.fileno()

    def close(self) -> None:
        self._sock.close()

    def send(self, message: object, fds: Sequence[int] = (), *, wait_s: float = 0.0) -> bool:
        """Send a dataclass. False: the other end did not make room within ``wait_s``, or for want of
        descriptors or memory a large one could not be packed.

        Raises `ChannelClosed` when the other end is gone.
        """
        return self._send(CONTROL, wire.encode(message), fds, wait_s)

    def send_raw(self, body: bytes, *, wait_s: float = 0.0) -> bool:
        """Send bytes; otherwise as `send`."""
        return self._send(RAW, body, (), wait_s)

    @property
    def is_roomy(self) -> bool:
        """At most a quarter of it waits to be read: what the kernel calls writable (unix(7) sockets)."""
        return _ready(self._sock.fileno(), select.POLLOUT, 0.0)

    def receive(self, *, wait_s: float = 0.0) -> Packet | None:
        """The next packet, or None when none came within ``wait_s``. Raises `ChannelClosed`."""
        if wait_s > 0 and not _ready(self._sock.fileno(), select.POLLIN, wait_s):
            return None
        try:
            data, fds, _, _ = socket.recv_fds(self._sock, _PACKET_LIMIT, _MAX_FDS)
        except BlockingIOError:
            return None
        except OSError as error:
            raise ChannelClosed(f"channel broke: {error}") from error
        if not data:
            raise ChannelClosed("the other end closed the channel")
        for fd in fds:
            os.set_inheritable(fd, False)
        kind = data[0]
        if kind & _SPILLED:
            body = _read_spilled(fds[0])
            return Packet(kind & ~_SPILLED, body, tuple(fds[1:]))
        return Packet(kind, data[1:], tuple(fds))

    def _send(self, kind: int, body: bytes, fds: Sequence[int], wait_s: float) -> bool:
        if len(body) <= _INLINE_LIMIT:
            return self._send_packet(bytes((kind,)) + body, fds, wait_s)
        try:
            spilled = _spill(body)
        except OSError:
            return False
        try:
            return self._send_packet(bytes((kind | _SPILLED,)), (spilled, *fds), wait_s)
        finally:
            os.close(spilled)

    def _send_packet(self, packet: bytes, fds: Sequence[int], wait_s: float) -> bool:
        while True:
            try:
                if fds:
                    socket.send_fds(self._sock, [packet], list(fds), socket.MSG_NOSIGNAL)
                else:
                    self._sock.send(packet, socket.MSG_NOSIGNAL)
                return True
            except BlockingIOError:
                if wait_s <= 0 or not _ready(self._sock.fileno(), select.POLLOUT, wait_s):
                    return False
            except OSError as error:
                raise ChannelClosed(f"channel broke: {error}") from error


def _ready(fd: int, event: int, wait_s: float) -> bool:
    poll = select.poll()
    poll.register(fd, event)
    return bool(poll.poll(wait_s * 1000))


def _spill(body: bytes) -> int:
    fd = os.memfd_create("edged-message", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        with os.fdopen(fd, "wb", closefd=False) as file:
            file.write(body)
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE)
    except OSError:
        os.close(fd)
        raise
    return fd


def _read_spilled(fd: int) -> bytes:
    with os.fdopen(fd, "rb") as file:
        if os.fstat(fd).st_size > _SPILL_LIMIT:
            raise ChannelClosed(f"the other end sent a message of more than {_SPILL_LIMIT} bytes")
        file.seek(0)
        return file.read()
