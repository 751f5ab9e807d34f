"""``srt://host:port?passphrase=…&streamid=…&latency=…&mode=caller``: MPEG transport stream over SRT.

The FFmpeg in PyAV's wheels has no SRT, so the connection is made with the system's libsrt.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from edged.capture.sources.plan import OpenPlan, split_with_host
from edged.capture.sources.query import Option, parse_query
from edged.errors import SourceUnsupported
from edged.model.capturing import CaptureSpec

_MODE = Option(r"caller|listener", "caller or listener")
_TEXT = Option(r".{1,512}", "a text of up to 512 characters")
_PASSPHRASE = Option(r".{10,79}", "10 to 79 characters", secret=True)
_MICROSECONDS = Option(r"\d{1,9}", "microseconds, as 200000")
_KEY = Option(r"16|24|32", "16, 24 or 32 bytes")
_IGNORED = {"transtype": Option("live", "live"), "pkt_size": Option(r"\d{1,5}", "a number of bytes")}
"""What senders' addresses often carry, and a receiver of live streams has anyway."""

_OPTIONS = {
    "mode": _MODE,
    "passphrase": _PASSPHRASE,
    "streamid": _TEXT,
    "latency": _MICROSECONDS,
    "pbkeylen": _KEY,
}


@dataclass(frozen=True, slots=True)
class SrtAddress:
    """What a ``srt://`` URL says, with FFmpeg's names and units for its options."""

    host: str
    port: int
    listen: bool = False
    """Wait at host and port for the sender to call."""
    passphrase: str = field(default="", repr=False)
    streamid: str = ""
    latency_us: int | None = None
    """None: what libsrt takes by default (120 ms)."""
    key_bytes: int = 0
    """0: what the sender uses."""


def plan(spec: CaptureSpec) -> OpenPlan:
    address_of(spec.url)
    return OpenPlan(
        url=spec.url,
        format="mpegts",
        options={"protocol_whitelist": "srt", "fpsprobesize": "3"},
        live=True,
        open_timeout_s=max(spec.timeout_s, 5.0),
        read_timeout_s=spec.timeout_s,
        connector="edged.capture.srt:connect",
    )


def address_of(url: str) -> SrtAddress:
    """Raises `SourceUnsupported`, without the passphrase in it."""
    parts = split_with_host(url)
    if parts.port is None:
        raise SourceUnsupported("srt:// needs a port: srt://host:port")
    given = parse_query(parts.query, _OPTIONS | _IGNORED, "srt://")
    return SrtAddress(
        host=parts.hostname or "",
        port=parts.port,
        listen=given.get("mode") == "listener",
        passphrase=given.get("passphrase", ""),
        streamid=given.get("streamid", ""),
        latency_us=int(given["latency"]) if "latency" in given else None,
        key_bytes=int(given.get("pbkeylen", "0")),
    )
