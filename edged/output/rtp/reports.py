"""RTCP: what the sender says of itself, and whether a datagram is RTCP at all (RFC 3550 section 6)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

_NTP_EPOCH_S = 2_208_988_800
"""Seconds from 1900 to 1970."""
_SR, _SDES, _BYE = 200, 202, 203
_FIRST_KIND, _LAST_KIND = 200, 207
_CNAME = 1


@dataclass(slots=True)
class SenderCount:
    """Sent to one receiver since it began, modulo 2^32 in the report."""

    packets: int = 0
    octets: int = 0
    """Of payload."""


def sender_report(ssrc: int, timestamp: int, wall_ns: int, count: SenderCount, cname: str) -> bytes:
    """A compound packet: SR and SDES. ``timestamp`` is of the RTP clock at ``wall_ns`` (Unix time)."""
    seconds, rest_ns = divmod(wall_ns, 1_000_000_000)
    body = struct.pack(
        "!IIIIII",
        ssrc,
        (seconds + _NTP_EPOCH_S) & 0xFFFFFFFF,
        (rest_ns << 32) // 1_000_000_000,
        timestamp & 0xFFFFFFFF,
        count.packets & 0xFFFFFFFF,
        count.octets & 0xFFFFFFFF,
    )
    return _packet(_SR, 0, body) + _description(ssrc, cname)


def goodbye(ssrc: int, cname: str) -> bytes:
    """A compound packet that ends the stream: an empty RR, SDES and BYE."""
    source = struct.pack("!I", ssrc)
    return _packet(201, 0, source) + _description(ssrc, cname) + _packet(_BYE, 1, source)


def is_rtcp(datagram: bytes) -> bool:
    """Whether it looks like RTCP: version 2, a kind of RTCP, a length that is there (appendix A.2)."""
    if len(datagram) < 8 or datagram[0] >> 6 != 2:
        return False
    words = int.from_bytes(datagram[2:4], "big") + 1
    return _FIRST_KIND <= datagram[1] <= _LAST_KIND and words * 4 <= len(datagram)


def _description(ssrc: int, cname: str) -> bytes:
    name = cname.encode()[:255]
    item = bytes((_CNAME, len(name))) + name + b"\0"
    chunk = struct.pack("!I", ssrc) + item
    return _packet(_SDES, 1, chunk + b"\0" * (-len(chunk) % 4))


def _packet(kind: int, count: int, body: bytes) -> bytes:
    return struct.pack("!BBH", 0x80 | count, kind, len(body) // 4) + body
