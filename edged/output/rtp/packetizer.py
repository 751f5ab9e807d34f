"""Access units of H.264 to RTP packets (RFC 6184, packetization-mode=1; RFC 3550 section 5.1)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

PAYLOAD_TYPE = 96
CLOCK_HZ = 90_000
MAX_PACKET = 1400
"""Bytes with the RTP header: fits an Ethernet frame below IPv6 and most tunnels."""

_HEADER = struct.Struct("!BBHII")
_VERSION_2 = 0x80
_MARKER = 0x80
_STAP_A = 24
_FU_A = 28
_FU_START = 0x80
_FU_END = 0x40


@dataclass(frozen=True, slots=True)
class Unit:
    """One picture as packets: the same bytes for all who look."""

    packets: tuple[bytes, ...]
    timestamp: int
    """RTP, 90 kHz, modulo 2^32."""
    keyframe: bool
    octets: int
    """Of payload, without RTP headers."""
    _framed: dict[int, bytes] = field(default_factory=dict, compare=False, repr=False)

    @property
    def sequence(self) -> int:
        """Of the first packet."""
        return int.from_bytes(self.packets[0][2:4], "big")

    def framed(self, channel: int) -> bytes:
        """All packets as interleaved frames (RFC 2326 section 10.12); made once per channel."""
        framed = self._framed.get(channel)
        if framed is None:
            framed = b"".join(interleaved(channel, packet) for packet in self.packets)
            self._framed[channel] = framed
        return framed


def interleaved(channel: int, packet: bytes) -> bytes:
    """``$``, channel, length, packet (RFC 2326 section 10.12)."""
    return b"$" + bytes((channel,)) + len(packet).to_bytes(2, "big") + packet


class Packetizer:
    """Numbers the packets of one stream; its start should be random (RFC 3550 section 5.1)."""

    def __init__(self, ssrc: int, sequence: int, *, max_packet: int = MAX_PACKET) -> None:
        self.ssrc = ssrc
        self._sequence = sequence & 0xFFFF
        self._max_payload = max_packet - _HEADER.size

    def pack(self, nals: list[bytes], timestamp: int, *, keyframe: bool) -> Unit:
        """One picture; ``nals`` is not empty and holds no empty one. The last packet has the marker."""
        payloads = list(self._payloads(nals))
        last = len(payloads) - 1
        packets = tuple(
            self._header(timestamp, marker=place == last) + payload for place, payload in enumerate(payloads)
        )
        return Unit(packets, timestamp, keyframe, sum(map(len, payloads)))

    def _header(self, timestamp: int, *, marker: bool) -> bytes:
        sequence = self._sequence
        self._sequence = (sequence + 1) & 0xFFFF
        kind = PAYLOAD_TYPE | (_MARKER if marker else 0)
        return _HEADER.pack(_VERSION_2, kind, sequence, timestamp, self.ssrc)

    def _payloads(self, nals: list[bytes]) -> Iterator[bytes]:
        """Small neighbours together, large ones in fragments, in the order of ``nals``."""
        together: list[bytes] = []
        size = 1
        for nal in nals:
            if together and size + 2 + len(nal) > self._max_payload:
                yield _aggregated(together)
                together, size = [], 1
            if len(nal) > self._max_payload:
                yield from _fragments(nal, self._max_payload)
                continue
            together.append(nal)
            size += 2 + len(nal)
        if together:
            yield _aggregated(together)


def _aggregated(nals: list[bytes]) -> bytes:
    """A single NAL unit packet, or a STAP-A (RFC 6184 sections 5.6 and 5.7.1)."""
    if len(nals) == 1:
        return nals[0]
    forbidden = max(nal[0] & 0x80 for nal in nals)
    importance = max(nal[0] & 0x60 for nal in nals)
    body = b"".join(len(nal).to_bytes(2, "big") + nal for nal in nals)
    return bytes((forbidden | importance | _STAP_A,)) + body


def _fragments(nal: bytes, max_payload: int) -> Iterator[bytes]:
    """FU-A (RFC 6184 section 5.8); ``nal`` is longer than ``max_payload``."""
    indicator = (nal[0] & 0xE0) | _FU_A
    kind = nal[0] & 0x1F
    room = max_payload - 2
    for begin in range(1, len(nal), room):
        start = _FU_START if begin == 1 else 0
        end = _FU_END if begin + room >= len(nal) else 0
        yield bytes((indicator, start | end | kind)) + nal[begin : begin + room]
