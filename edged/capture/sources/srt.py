"""``srt://host:port?mode=…&passphrase=…&latency=…``: MPEG transport stream over SRT."""

from __future__ import annotations

from edged.capture.sources.plan import OpenPlan, split_with_host
from edged.errors import SourceUnsupported
from edged.model.messages import CaptureSpec


def plan(spec: CaptureSpec) -> OpenPlan:
    if split_with_host(spec.url).port is None:
        raise SourceUnsupported("srt:// needs a port: srt://host:port")
    return OpenPlan(
        url=spec.url,
        format="mpegts",
        options={"protocol_whitelist": "srt", "fpsprobesize": "3"},
        live=True,
        open_timeout_s=max(spec.timeout_s, 5.0),
        read_timeout_s=spec.timeout_s,
    )
