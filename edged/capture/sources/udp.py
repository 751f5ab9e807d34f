"""``udp://address:port``: MPEG transport stream, unicast to this device or multicast."""

from __future__ import annotations

from edged.capture.sources.plan import OpenPlan, split
from edged.errors import SourceUnsupported
from edged.model.capturing import CaptureSpec

_FIFO_PACKETS = 28_000
"""Of 188 bytes: 5 MB, half a second of 80 Mbit/s."""


def plan(spec: CaptureSpec) -> OpenPlan:
    if split(spec.url).port is None:
        raise SourceUnsupported("udp:// needs the port to receive at: udp://0.0.0.0:5000")
    return OpenPlan(
        url=spec.url,
        format="mpegts",
        options={
            "protocol_whitelist": "udp",
            "fifo_size": str(_FIFO_PACKETS),
            "overrun_nonfatal": "1",
            "fpsprobesize": "3",  # FFmpeg would hold the first 20 frames back
        },
        live=True,
        open_timeout_s=max(spec.timeout_s, 5.0),
        read_timeout_s=spec.timeout_s,
    )
