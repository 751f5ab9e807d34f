"""Which encoder of H.264 is tried, in which order. What really works, only trying tells."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

SOFTWARE = "libx264"
_BY_NAME = {
    "nvenc": "h264_nvenc",
    "qsv": "h264_qsv",
    "vaapi": "h264_vaapi",
    "v4l2m2m": "h264_v4l2m2m",
    "software": SOFTWARE,
}
_NVIDIA = Path("/dev/nvidia0")
_RENDER = Path("/dev/dri/renderD128")
_VIDEO = Path("/sys/class/video4linux")


def candidates(wanted: str, present: Iterable[str]) -> tuple[str, ...]:
    """FFmpeg's names, best first: the one that is wanted, then software; ``auto``: ``present`` first."""
    if wanted == "auto":
        return (*(_BY_NAME[name] for name in present), SOFTWARE)
    return tuple(dict.fromkeys((_BY_NAME[wanted], SOFTWARE)))


def hardware_present() -> tuple[str, ...]:
    """Those whose device files are there. VA-API is none of them: PyAV cannot hand frames to it."""
    found = []
    if _NVIDIA.exists():
        found.append("nvenc")
    if _RENDER.exists():
        found.append("qsv")
    if any("encode" in _name(path) for path in _VIDEO.glob("video*")):
        found.append("v4l2m2m")
    return tuple(found)


def _name(device: Path) -> str:
    try:
        return (device / "name").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
