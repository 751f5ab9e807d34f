"""``rtmp://``: played from a server (Flash video over TCP)."""

from __future__ import annotations

from edged.capture.sources.plan import OpenPlan, microseconds, split_with_host
from edged.model.capturing import CaptureSpec

_ANALYZE_S = 0.5
"""FFmpeg would wait 5 s for sound that may never come (measured: 0.7 s in place of 5.2 s)."""


def plan(spec: CaptureSpec) -> OpenPlan:
    split_with_host(spec.url)
    return OpenPlan(
        url=spec.url,
        format="flv",
        options={"protocol_whitelist": "rtmp,tcp", "analyzeduration": microseconds(_ANALYZE_S)},
        live=True,
        open_timeout_s=max(spec.timeout_s, 5.0),
        read_timeout_s=spec.timeout_s,
    )
