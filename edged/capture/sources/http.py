"""``http://`` and ``https://``: MJPEG cameras, HLS playlists, streams and files on a web server."""

from __future__ import annotations

from dataclasses import replace

from edged.capture.sources.file import CONTAINERS
from edged.capture.sources.plan import OpenPlan, split_with_host
from edged.model.capturing import CaptureSpec

_PROTOCOLS = "http,https,tcp,tls,crypto"
"""Never file: a playlist from the network must not read this device."""
_SEGMENTS = "mpegts,mov,aac,mp3,ac3,eac3,webvtt"
_STREAMS = {".ts": "mpegts", ".flv": "flv"}
_FILES = {".mp4": "mov", ".mov": "mov", ".m4v": "mov", ".mkv": "matroska", ".webm": "matroska", ".avi": "avi"}
_RECONNECT = {"reconnect": "1", "reconnect_delay_max": "8"}
"""Only what was there once is waited for, longer and longer, up to so many seconds at a time. Not from
servers that know no ranges: FFmpeg would go on with their first byte."""


def plan(spec: CaptureSpec) -> OpenPlan:
    path = split_with_host(spec.url).path.lower()
    suffix = path[path.rfind(".") :] if "." in path else ""
    if suffix == ".m3u8":
        return _plan(spec, f"hls,{_SEGMENTS}", format="hls", live=True, paced=True)
    if suffix in _FILES:
        return _plan(spec, _FILES[suffix], live=False, paced=True)
    if suffix in _STREAMS:
        return _plan(spec, _STREAMS[suffix], live=True)
    return _plan(spec, "mpjpeg,mjpeg,mpegts,flv", live=True, arrival_times=True)


def plan_whole(spec: CaptureSpec) -> OpenPlan:
    """A file on a web server, or a playlist that has an end. FFmpeg connects again where it broke off."""
    path = split_with_host(spec.url).path.lower()
    if path.endswith(".m3u8"):
        return _plan(spec, f"hls,{_SEGMENTS}", format="hls", live=False)
    made = _plan(spec, CONTAINERS, live=False)
    return replace(made, options=made.options | _RECONNECT)


def _plan(
    spec: CaptureSpec,
    demuxers: str,
    *,
    live: bool,
    format: str | None = None,  # noqa: A002  # FFmpeg's word for it
    paced: bool = False,
    arrival_times: bool = False,
) -> OpenPlan:
    return OpenPlan(
        url=spec.url,
        format=format,
        options={"protocol_whitelist": _PROTOCOLS, "format_whitelist": demuxers},
        live=live,
        paced=paced,
        arrival_times=arrival_times,
        open_timeout_s=max(spec.timeout_s, 5.0),
        read_timeout_s=spec.timeout_s,
    )
