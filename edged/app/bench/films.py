"""The film that is measured with, and what a child that loads FFmpeg tells of it."""

from __future__ import annotations

import os
from pathlib import Path

from edged.app.ask import ask
from edged.app.processes import BENCH_CLIP, DECODE_ALONE, PROBE
from edged.errors import EdgedError
from edged.model.bench import DecodeReport, DecodeRequest, FilmReport, FilmRequest
from edged.model.capturing import CaptureSpec
from edged.model.probe import ProbeReport

CLIP_S = 10.0
_CLIP = "bench-1080p30-1.mp4"
"""Another number when `edged.capture.bench_clip` makes another film."""
_START_S = 30.0
_SLOWEST = 20
"""So many times longer than its film a child may take for it."""


def cache_folder() -> Path:
    """$XDG_CACHE_HOME/edged, or ~/.cache/edged; made when it is not there."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    folder = (Path(base) if base else Path.home() / ".cache") / "edged"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def own_clip() -> Path:
    """The film for those who give none: 10 s of 1080p30 H.264, made once. Raises `EdgedError`."""
    path = cache_folder() / _CLIP
    if not path.is_file():
        request = FilmRequest(str(path), CLIP_S)
        report = ask(BENCH_CLIP.module, request, FilmReport, within_s=_START_S + _SLOWEST * CLIP_S)
        if report.error:
            raise EdgedError(f"cannot make {path}: {report.error}")
    return path


def probe_film(path: Path) -> ProbeReport:
    """What the film is. Raises `EdgedError` when it cannot be played."""
    spec = CaptureSpec(0, "film", str(path), str(path))
    report = ask(PROBE.module, spec, ProbeReport, within_s=2 * _START_S)
    if report.error:
        raise EdgedError(f"{path}: {report.error}")
    return report


def decode_alone(path: Path, *, warm_up_s: float, seconds: float, paced: bool) -> DecodeReport:
    """Decode ``seconds`` of the film in a process that does nothing else. Raises `EdgedError`."""
    request = DecodeRequest(str(path), warm_up_s, seconds, paced)
    within_s = _START_S + _SLOWEST * (warm_up_s + seconds)
    report = ask(DECODE_ALONE.module, request, DecodeReport, within_s=within_s)
    if report.error:
        raise EdgedError(f"{path}: {report.error}")
    return report
