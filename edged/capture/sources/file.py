"""A path, or ``file://``: played at the rate it was recorded at, over again when ``loop`` is set."""

from __future__ import annotations

from urllib.parse import unquote

from edged.capture.sources.plan import OpenPlan, split
from edged.errors import SourceUnsupported
from edged.model.capturing import CaptureSpec

CONTAINERS = (
    "mov,matroska,avi,mpegts,mpeg,flv,asf,ogg,mxf,nut,ivf,gif,h264,hevc,m4v,mpegvideo,obu,mjpeg,yuv4mpegpipe"
)
"""Demuxers of FFmpeg that hold pictures themselves. Those that open other files or addresses that
their content names (concat, hls, dash, sdp, image2, …) are not among them, so a file that is not
what its name says reaches nothing."""


def plan(spec: CaptureSpec) -> OpenPlan:
    return OpenPlan(
        # FFmpeg would take a name with a colon in it for a protocol
        url=f"file:{path_of(spec.url)}",
        format=None,
        options={"protocol_whitelist": "file", "format_whitelist": CONTAINERS},
        paced=True,
        open_timeout_s=spec.timeout_s,
        read_timeout_s=spec.timeout_s,
    )


def path_of(url: str) -> str:
    """The path that a plain path or a ``file://`` URL (percent-encoded) names."""
    if not url.lower().startswith("file://"):
        return url
    parts = split(url)
    if parts.netloc not in ("", "localhost"):
        raise SourceUnsupported(
            f"file://{parts.netloc}/… names another host; a file here is file:///{parts.netloc}/…"
        )
    if parts.query or parts.fragment:
        raise SourceUnsupported("file:// takes no ? and #; in a file's name write them as %3F and %23")
    if not parts.path.strip("/"):
        raise SourceUnsupported("file:// names no file: file:///folder/video.mp4")
    path = unquote(parts.path)
    if "\0" in path or "\n" in path:
        raise SourceUnsupported("the path of file:// holds a line break or a zero byte")
    return path
