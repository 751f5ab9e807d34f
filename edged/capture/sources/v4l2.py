"""Cameras on this device: ``/dev/video0``, or ``v4l2:///dev/video0?input_format=mjpeg&size=1280x720``."""

from __future__ import annotations

from edged.capture.sources.plan import OpenPlan, split
from edged.capture.sources.query import RATE, SIZE, Option, parse_query
from edged.errors import SourceUnsupported
from edged.model.capturing import CaptureSpec

_PIXELS = Option(r"[a-z0-9_]{2,20}", "a format such as mjpeg, yuyv422 or h264")
_OPTIONS = {"size": SIZE, "rate": RATE, "input_format": _PIXELS}
_FFMPEG_NAMES = {"size": "video_size", "rate": "framerate", "input_format": "input_format"}


def plan(spec: CaptureSpec) -> OpenPlan:
    parts = split(spec.url)
    if parts.netloc or not parts.path.startswith("/dev/"):
        raise SourceUnsupported("v4l2:// names a device with three slashes: v4l2:///dev/video0")
    asked = parse_query(parts.query, _OPTIONS, "v4l2://")
    return OpenPlan(
        url=parts.path,
        format="v4l2",
        options={"protocol_whitelist": "file"} | {_FFMPEG_NAMES[name]: asked[name] for name in asked},
        live=True,
        open_timeout_s=max(spec.timeout_s, 5.0),
        read_timeout_s=spec.timeout_s,
    )
