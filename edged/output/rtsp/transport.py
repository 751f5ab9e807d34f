"""The Transport header (RFC 2326 section 12.39): what a player can take, and what it gets."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

MAX_ALTERNATIVES = 16
_PAIR = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?")


@dataclass(frozen=True, slots=True)
class OverTcp:
    """Interleaved with the requests, on these channels."""

    rtp_channel: int
    rtcp_channel: int

    def header(self, ssrc: int) -> str:
        """As it is answered."""
        return (
            f"RTP/AVP/TCP;unicast;interleaved={self.rtp_channel}-{self.rtcp_channel};"
            f'ssrc={ssrc:08X};mode="PLAY"'
        )


@dataclass(frozen=True, slots=True)
class OverUdp:
    """To these ports of the player."""

    rtp_port: int
    rtcp_port: int

    def header(self, ssrc: int, server_ports: tuple[int, int]) -> str:
        """As it is answered."""
        return (
            f"RTP/AVP;unicast;client_port={self.rtp_port}-{self.rtcp_port};"
            f'server_port={server_ports[0]}-{server_ports[1]};ssrc={ssrc:08X};mode="PLAY"'
        )


Transport = OverTcp | OverUdp


def choose_transport(header: str) -> Transport | None:
    """The first alternative that is served; None: there is none (461)."""
    for alternative in header.split(",")[:MAX_ALTERNATIVES]:
        chosen = _one(alternative)
        if chosen is not None:
            return chosen
    return None


def _one(alternative: str) -> Transport | None:
    profile, *rest = (part.strip() for part in alternative.split(";"))
    words = {key.lower(): value for key, _, value in (part.partition("=") for part in rest)}
    if "multicast" in words or words.get("mode", "PLAY").strip('"').upper() != "PLAY":
        return None
    # A destination would let anybody aim the stream at somebody else (section 12.39): it is not looked at.
    read: Callable[[dict[str, str]], Transport | None] | None = {
        "RTP/AVP/TCP": _over_tcp,
        "RTP/AVP": _over_udp,
        "RTP/AVP/UDP": _over_udp,
    }.get(profile.upper())
    return read(words) if read else None


def _over_tcp(words: dict[str, str]) -> OverTcp | None:
    pair = _pair(words.get("interleaved", "0-1"), 255)
    return OverTcp(*pair) if pair else None


def _over_udp(words: dict[str, str]) -> OverUdp | None:
    """Ports of the system's own services are refused: nobody aims a stream at those."""
    pair = _pair(words.get("client_port", ""), 65535)
    return OverUdp(*pair) if pair and pair[0] >= 1024 else None


def _pair(text: str, most: int) -> tuple[int, int] | None:
    """``8000-8001``, or ``8000`` for the same."""
    match = _PAIR.fullmatch(text.strip())
    if not match:
        return None
    first = int(match[1])
    second = int(match[2]) if match[2] else first + 1
    return (first, second) if first < second <= most else None
