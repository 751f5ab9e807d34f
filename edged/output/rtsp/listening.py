"""The sockets of the server: TCP for requests, a pair of UDP ports for packets, per address family."""

from __future__ import annotations

import socket
from dataclasses import dataclass

from edged.errors import EdgedError

BACKLOG = 32
UDP_SEND_BUFFER = 1024 * 1024
_TRIES = 64


@dataclass(frozen=True, slots=True)
class Listener:
    """One address: ``tcp`` for connections, ``rtp`` for packets, ``rtcp`` for reports both ways."""

    tcp: socket.socket
    rtp: socket.socket
    rtcp: socket.socket

    @property
    def udp_ports(self) -> tuple[int, int]:
        """An even one and the one above (RFC 3550 section 11)."""
        return self.rtp.getsockname()[1], self.rtcp.getsockname()[1]

    def close(self) -> None:
        """Close all three."""
        for sock in (self.tcp, self.rtp, self.rtcp):
            sock.close()


def listen(host: str, port: int) -> list[Listener]:
    """All addresses of ``host`` (empty: all of the device) on one port; 0: any that is free.

    EdgedError, with the mend, where the address or the port cannot be had.
    """
    listeners: list[Listener] = []
    try:
        for family, address in _addresses(host):
            listeners.append(_listener(family, address, port))
            port = port or listeners[0].tcp.getsockname()[1]
    except OSError as error:
        for listener in listeners:
            listener.close()
        where = f"{host or '*'}:{port}"
        raise EdgedError(
            f"RTSP cannot listen on {where}: {error.strerror or error}; choose another live.rtsp_port or "
            "live.host, or end the program that has it"
        ) from error
    return listeners


def _addresses(host: str) -> list[tuple[socket.AddressFamily, str]]:
    if not host:
        return [(socket.AF_INET6, "::")] if _has_ipv6() else [(socket.AF_INET, "0.0.0.0")]  # noqa: S104
    found = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)
    return list(dict.fromkeys((family, str(address[0])) for family, _, _, _, address in found))


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::", 0))
    except OSError:
        return False
    return True


def _listener(family: socket.AddressFamily, address: str, port: int) -> Listener:
    tcp = socket.socket(family, socket.SOCK_STREAM)
    try:
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _take_both_families(tcp, family, address)
        tcp.bind((address, port))
        tcp.listen(BACKLOG)
        tcp.setblocking(False)
        rtp, rtcp = _udp_pair(family, address)
    except OSError:
        tcp.close()
        raise
    return Listener(tcp, rtp, rtcp)


def _take_both_families(sock: socket.socket, family: socket.AddressFamily, address: str) -> None:
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if address == "::" else 1)


def _udp_pair(family: socket.AddressFamily, address: str) -> tuple[socket.socket, socket.socket]:
    """An even port and the next; the kernel proposes, so that daemons side by side do not collide."""
    for _ in range(_TRIES):
        first = _udp(family, address, 0)
        port = first.getsockname()[1]
        if port % 2 == 0:
            try:
                return first, _udp(family, address, port + 1)
            except OSError:
                pass
        first.close()
    raise OSError("no pair of UDP ports is free")


def _udp(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        _take_both_families(sock, family, address)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, UDP_SEND_BUFFER)
        sock.bind((address, port))
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock
