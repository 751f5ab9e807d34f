"""``rtsp://`` and ``rtsps://``: cameras over TCP (interleaved) or UDP."""

from __future__ import annotations

from edged.capture.sources.plan import OpenPlan, microseconds, split_with_host
from edged.errors import SourceUnsupported
from edged.model.capturing import CaptureSpec

_OPEN_AT_LEAST_S = 5.0
"""A handshake and the first packets may take a second or two, whatever silence is allowed later."""
_ANALYZE_S = 0.1
"""FFmpeg would look at 20 frames first: two seconds at 10 fps, and as many frames stale at the start.
Codec, size and rate come from the SDP and the first packets (measured: 0.2–0.3 s in place of 2–2.8 s)."""
_UDP_BUFFER_BYTES = 1 << 20
"""A keyframe comes in one burst; the kernel's default holds 200 kB."""


def plan(spec: CaptureSpec) -> OpenPlan:
    if spec.transport not in ("tcp", "udp"):
        raise SourceUnsupported(f"transport is tcp or udp, not {spec.transport}")
    split_with_host(spec.url)
    options = {
        "protocol_whitelist": "rtsp,rtsps,rtp,srtp,tcp,udp,tls,crypto",
        "rtsp_transport": spec.transport,
        "allowed_media_types": "video",  # sound would be sent, received and thrown away
        "analyzeduration": microseconds(_ANALYZE_S),
    }
    if spec.transport == "udp":
        options["buffer_size"] = str(_UDP_BUFFER_BYTES)
    return OpenPlan(
        url=spec.url,
        format="rtsp",
        options=options,
        live=True,
        open_timeout_s=max(spec.timeout_s, _OPEN_AT_LEAST_S),
        read_timeout_s=spec.timeout_s,
    )
