"""Which scheme is opened how. A new kind of source is one file and one line here."""

from __future__ import annotations

import re
from collections.abc import Callable

from edged.capture.sources import file, http, pattern, rtmp, rtsp, srt, udp, v4l2
from edged.capture.sources.plan import OpenPlan, did_you_mean
from edged.errors import SourceUnsupported
from edged.model.capturing import CaptureSpec

SCHEMES: dict[str, Callable[[CaptureSpec], OpenPlan]] = {
    "file": file.plan,
    "rtsp": rtsp.plan,
    "rtsps": rtsp.plan,
    "rtmp": rtmp.plan,
    "http": http.plan,
    "https": http.plan,
    "srt": srt.plan,
    "udp": udp.plan,
    "v4l2": v4l2.plan,
    "pattern": pattern.plan,
}
"""By scheme, in the order of the contract. Plain paths are ``file``, ``/dev/video0`` is ``v4l2``."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_DEVICE = re.compile(r"/dev/(video\d+|v4l/.+)")
_REFERENCE = re.compile(r"\$\{[^}]*\}")


def plan_open(spec: CaptureSpec) -> OpenPlan:
    """How to open the source of ``spec``. Raises `SourceUnsupported`, saying the mend, never the URL."""
    return SCHEMES[_scheme_of(spec.url)](spec)


def plan_whole(spec: CaptureSpec) -> OpenPlan:
    """How to read the source of ``spec`` from its beginning to its end, as fast as it goes.

    Raises `SourceUnsupported` as `plan_open` does, and for what has no end.
    """
    scheme = _scheme_of(spec.url)
    if scheme in ("http", "https"):
        return http.plan_whole(spec)
    plan = plan_open(spec)
    if plan.live:
        raise SourceUnsupported(
            f"{scheme}:// is live and has no end: analyse files, http(s):// URLs of files, or record it first"
        )
    return plan


def check_url(url: str) -> None:
    """Raise `SourceUnsupported` when edged could never open ``url``.

    References (``${secret:cam}``) may stand in it still; what they hide is not checked.
    """
    standing_in = _REFERENCE.sub("1", url)
    plan_open(CaptureSpec(revision=0, source="", url=standing_in, redacted_url=""))


def file_of(url: str) -> str | None:
    """The path of the file that ``url`` has a capture read; None when it is no file.

    Raises `SourceUnsupported` as `plan_open` does.
    """
    return file.path_of(url) if _scheme_of(url) == "file" else None


def device_of(url: str) -> str | None:
    """The path of the device that ``url`` has a capture open as a camera; None when it is none."""
    return plan_open(CaptureSpec(0, "", url, "")).url if _scheme_of(url) == "v4l2" else None


def _scheme_of(url: str) -> str:
    if not url:
        raise SourceUnsupported("the url is empty")
    if "\0" in url or "\n" in url:
        raise SourceUnsupported("the url holds a line break or a zero byte")
    if _DEVICE.fullmatch(url):
        return "v4l2"
    match = _SCHEME.match(url)
    if match is None:
        return "file"
    scheme = match[1].lower()
    if scheme not in SCHEMES:
        near = did_you_mean(scheme, SCHEMES).replace("?", "://?")
        known = ", ".join(f"{name}://" for name in SCHEMES)
        raise SourceUnsupported(
            f"{scheme}:// is not a scheme edged opens{near or f'; it opens paths, /dev/video0, {known}'}"
        )
    return scheme
