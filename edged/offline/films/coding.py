"""How a film is encoded, by the end of its name. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from edged.errors import EdgedError

_FRAGMENT_S = 2.0
"""What is written while a film is made plays up to its last whole fragment."""
_INTERLEAVED_S = 0.5
"""How long a picture waits for sound of its time: there may be none any more."""
_MP4 = {
    "movflags": "frag_keyframe+delay_moov+default_base_moof",
    "frag_duration": str(int(_FRAGMENT_S * 1e6)),
    "min_frag_duration": "500000",
    "flush_packets": "1",
    "max_interleave_delta": str(int(_INTERLEAVED_S * 1e6)),
}
"""Not `hybrid_fragmented`, which would make it whole in its place: FFmpeg 8.0 gets its offsets wrong."""
_MATROSKA = {
    "cluster_time_limit": str(int(_FRAGMENT_S * 1e3)),
    "flush_packets": "1",
    "max_interleave_delta": str(int(_INTERLEAVED_S * 1e6)),
}
_H264 = {"preset": "veryfast", "crf": "23"}
_VP9 = {"deadline": "realtime", "cpu-used": "8", "row-mt": "1", "crf": "33", "b": "0", "lag-in-frames": "0"}


@dataclass(frozen=True, slots=True)
class Coding:
    """A container and a codec that players know together."""

    container: str
    """FFmpeg's name."""
    encoder: str
    options: dict[str, str]
    container_options: dict[str, str] = field(default_factory=dict)
    sound: tuple[str, ...] = ()
    """Codecs of sound that it takes as they are."""


_CODINGS = {
    ".mp4": Coding("mp4", "libx264", _H264, _MP4, ("aac", "mp3", "ac3", "eac3", "alac", "opus")),
    ".mkv": Coding(
        "matroska",
        "libx264",
        _H264,
        _MATROSKA,
        ("aac", "mp3", "ac3", "eac3", "opus", "vorbis", "flac", "pcm_s16le", "mp2"),
    ),
    ".webm": Coding("webm", "libvpx-vp9", _VP9, _MATROSKA, ("opus", "vorbis")),
}


def coding_of(output: Path) -> Coding:
    """Raises `EdgedError` for an end that says nothing."""
    try:
        return _CODINGS[output.suffix.lower()]
    except KeyError:
        ends = ", ".join(_CODINGS)
        raise EdgedError(f"{output.name}: the name of a recording ends with one of {ends}") from None
