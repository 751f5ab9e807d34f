"""SRT by the system's libsrt (Secure Reliable Transport, draft-sharabayko-srt), as a file to read.

A binding of the dozen calls that a receiver of a live stream needs; their numbers are libsrt's ABI,
which has not changed since 1.3 (srt.h).
"""

from __future__ import annotations

import ctypes
import errno
import socket
import struct
from functools import cache

import av.error

from edged.capture.sources import OpenPlan
from edged.capture.sources.srt import SrtAddress, address_of
from edged.errors import SourceUnavailable, SourceUnsupported

_RCVSYN, _RCVTIMEO, _PASSPHRASE, _PBKEYLEN, _CONNTIMEO, _LATENCY, _STREAMID = 2, 14, 26, 27, 36, 23, 46
_TIMED_OUT = (1001, 6003)
"""SRT_ENOSERVER, SRT_ETIMEOUT."""
_REJECTED = 1002
_WRONG_PASSPHRASE = (10, 11)
"""SRT_REJ_BADSECRET, SRT_REJ_UNSECURE."""
_LOST = 2001
_LARGEST_MESSAGE = 1456
_LOG_CRITICAL = 2
_LIBRARIES = ("libsrt-gnutls.so.1.5", "libsrt-openssl.so.1.5", "libsrt.so.1.5")


def connect(plan: OpenPlan) -> SrtStream:
    """Call the sender, or wait for its call. Raises `SourceUnavailable` or `SourceUnsupported`."""
    address = address_of(plan.url)
    stream = SrtStream(_library())
    try:
        stream.connect(address, plan.open_timeout_s, plan.read_timeout_s)
    except BaseException:
        stream.close()
        raise
    return stream


class SrtStream:
    """One connection. `read` gives a message of the stream, ``b""`` at its end."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._srt = library
        self._buffer = ctypes.create_string_buffer(_LARGEST_MESSAGE)
        self._sockets: list[int] = []

    def connect(self, address: SrtAddress, within_s: float, silent_s: float) -> None:
        """Once. ``silent_s`` is how long `read` waits."""
        sock = self._open()
        self._set(sock, _CONNTIMEO, _milliseconds(within_s))
        self._set(sock, _RCVTIMEO, _milliseconds(within_s))
        if address.passphrase:
            self._set(sock, _PASSPHRASE, address.passphrase.encode())
        if address.key_bytes:
            self._set(sock, _PBKEYLEN, address.key_bytes)
        if address.streamid:
            self._set(sock, _STREAMID, address.streamid.encode())
        if address.latency_us is not None:
            self._set(sock, _LATENCY, address.latency_us // 1000)
        name = _sockaddr(address)
        connected = self._listen(sock, name, within_s) if address.listen else self._call(sock, name, address)
        self._set(connected, _RCVTIMEO, _milliseconds(silent_s))

    def read(self, _size: int = 0) -> bytes:
        """Raises `av.error.TimeoutError` after the silence that `connect` was given."""
        count = int(self._srt.srt_recvmsg(self._sockets[-1], self._buffer, _LARGEST_MESSAGE))
        if count >= 0:
            return self._buffer.raw[:count]
        code = self._error()
        if code in _TIMED_OUT:
            raise av.error.TimeoutError(errno.ETIMEDOUT, "no message in time")
        if code == _LOST:
            return b""
        raise av.error.ConnectionResetError(errno.ECONNRESET, f"libsrt: error {code}")

    def close(self) -> None:
        while self._sockets:
            self._srt.srt_close(self._sockets.pop())

    def _open(self) -> int:
        sock = int(self._srt.srt_create_socket())
        if sock < 0:
            raise SourceUnavailable("libsrt has no socket to give")
        self._sockets.append(sock)
        return sock

    def _set(self, sock: int, option: int, value: int | bytes) -> None:
        content = struct.pack("i", value) if isinstance(value, int) else value
        if self._srt.srt_setsockflag(sock, option, content, len(content)) < 0:
            raise SourceUnsupported(f"libsrt refuses option {option} (error {self._error()})")

    def _call(self, sock: int, name: bytes, address: SrtAddress) -> int:
        if self._srt.srt_connect(sock, name, len(name)) < 0:
            place = f"{address.host}, port {address.port}"
            if self._srt.srt_getrejectreason(sock) in _WRONG_PASSPHRASE:
                raise SourceUnavailable(f"{place}, and this url do not have the same passphrase")
            if self._error() == _REJECTED:
                raise SourceUnavailable(f"{place}, refuses this stream: check the streamid")
            raise SourceUnavailable(
                f"no SRT sender answers at {place}: check both and that it runs and waits to be called"
                " (one that calls needs mode=listener here)"
            )
        return sock

    def _listen(self, sock: int, name: bytes, within_s: float) -> int:
        if self._srt.srt_bind(sock, name, len(name)) < 0 or self._srt.srt_listen(sock, 1) < 0:
            raise SourceUnavailable("the port to listen at is taken, or its host no address of this device")
        listeners = (ctypes.c_int * 1)(sock)
        caller = int(self._srt.srt_accept_bond(listeners, 1, _milliseconds(within_s)))  # has a limit
        if caller < 0:
            raise SourceUnavailable("no SRT sender called in time: check that it calls this device and port")
        self._sockets.append(caller)
        return caller

    def _error(self) -> int:
        return int(self._srt.srt_getlasterror(None))


def _milliseconds(seconds: float) -> int:
    return max(1, int(seconds * 1000))


def _sockaddr(address: SrtAddress) -> bytes:
    """struct sockaddr_in or sockaddr_in6 (ip(7), ipv6(7))."""
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_DGRAM)
    except OSError:
        raise SourceUnavailable(f"there is no host {address.host}: check the name") from None
    family, _, _, _, name = found[0]
    packed = socket.inet_pton(family, str(name[0]).partition("%")[0])
    head = struct.pack("=H", family) + struct.pack("!H", address.port)
    if family == socket.AF_INET6:
        return head + bytes(4) + packed + bytes(4)
    return head + packed + bytes(8)


@cache
def _library() -> ctypes.CDLL:
    for name in _LIBRARIES:
        try:
            library = ctypes.CDLL(name)
        except OSError:
            continue
        library.srt_startup()
        library.srt_setloglevel(_LOG_CRITICAL)
        library.srt_accept_bond.argtypes = (ctypes.c_void_p, ctypes.c_int, ctypes.c_int64)
        return library
    raise SourceUnsupported("srt:// needs libsrt: apt-get install libsrt1.5-gnutls")
