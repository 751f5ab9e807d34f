"""``rtsp://`` and ``rtsps://``: cameras over TCP (interleaved) or UDP."""

from __future__ import annotations

from edged.capture.sources.plan import OpenPlan, microseconds, split_with_host
from edged.errors import SourceUnsupported
from edged.model.messages import CaptureSpec

_OPEN_AT_LEAST_S = 5.0
"""A handshake and the parameters of the stream take a second or two, whatever silence is allowed later."""


def plan(spec: CaptureSpec) -> OpenPlan:
    if spec.transport not in ("tcp", "udp"):
        raise SourceUnsupported(f"transport is tcp or udp, not {spec.transport}")
    split_with_host(spec.url)
    return OpenPlan(
        url=spec.url,
        format="rtsp",
        options={
            "protocol_whitelist": "rtsp,rtsps,rtp,srtp,tcp,udp,tls,crypto",
            "rtsp_transport": spec.transport,
            "allowed_media_types": "video",
            "timeout": microseconds(max(spec.timeout_s, _OPEN_AT_LEAST_S)),
        },
        live=True,
        open_timeout_s=max(spec.timeout_s, _OPEN_AT_LEAST_S),
        read_timeout_s=spec.timeout_s,
    )
