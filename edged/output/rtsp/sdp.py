"""The description of a stream (RFC 4566; RFC 6184 section 8.2; RFC 2326 appendix C)."""

from __future__ import annotations

import base64
import ipaddress
from dataclasses import dataclass

from edged.output.rtp.packetizer import CLOCK_HZ, PAYLOAD_TYPE

TRACK = "trackID=0"
"""The only track, as its control address has it."""


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """What a player wants to know before it plays."""

    sps: bytes
    """Without start code, 4 bytes at least."""
    pps: bytes
    width: int = 0
    """In pixels; 0: not known."""
    height: int = 0
    fps: float = 0.0
    """0: not known, or it varies."""


def description(name: str, stream: StreamFacts, address: str, session: int) -> bytes:
    """The SDP of output ``name``; ``address`` is the device's own on this connection."""
    own = ipaddress.ip_address(address.partition("%")[0])
    own = getattr(own, "ipv4_mapped", None) or own
    family = f"IP{own.version}"
    sets = ",".join(base64.b64encode(nal).decode() for nal in (stream.sps, stream.pps))
    lines = [
        "v=0",
        f"o=- {session} 1 IN {family} {own}",
        f"s={name}",
        f"c=IN {family} {'0.0.0.0' if family == 'IP4' else '::'}",  # noqa: S104 - the player's address, unknown
        "t=0 0",
        "a=tool:edged",
        "a=type:broadcast",
        "a=control:*",
        "a=range:npt=now-",
        f"m=video 0 RTP/AVP {PAYLOAD_TYPE}",
        f"a=rtpmap:{PAYLOAD_TYPE} H264/{CLOCK_HZ}",
        f"a=fmtp:{PAYLOAD_TYPE} packetization-mode=1;profile-level-id={stream.sps[1:4].hex().upper()};"
        f"sprop-parameter-sets={sets}",
    ]
    if stream.fps > 0:
        lines.append(f"a=framerate:{stream.fps:g}")
    if stream.width > 0 and stream.height > 0:
        lines.append(f"a=framesize:{PAYLOAD_TYPE} {stream.width}-{stream.height}")
    lines.append(f"a=control:{TRACK}")
    return "\r\n".join((*lines, "")).encode("utf-8")
