"""``rtmp://``: played from a server (Flash video over TCP)."""

from __future__ import annotations

from edged.capture.sources.plan import OpenPlan, split_with_host
from edged.model.messages import CaptureSpec


def plan(spec: CaptureSpec) -> OpenPlan:
    split_with_host(spec.url)
    return OpenPlan(
        url=spec.url,
        format="flv",
        options={"protocol_whitelist": "rtmp,tcp", "rtmp_live": "live"},
        live=True,
        open_timeout_s=max(spec.timeout_s, 5.0),
        read_timeout_s=spec.timeout_s,
    )
