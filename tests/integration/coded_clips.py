"""Clips in every codec and group structure that offline reading must get right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av

from tests.integration.clips import picture


@dataclass(frozen=True)
class Coding:
    """How a clip is encoded; its pictures are moving gradients."""

    codec: str
    suffix: str = ".mp4"
    options: Mapping[str, str] = field(default_factory=dict)
    size: tuple[int, int] = (160, 96)
    frames: int = 120
    gop: int = 24
    b_frames: int = 0
    pixels: str = "yuv420p"
    format: str | None = None
    step_ticks: tuple[int, ...] = (1,)
    """Of 1/30 s between pictures, in turn: a variable rate."""
    displayed: tuple[int, ...] = ()
    """A display matrix as FFmpeg lays it out; empty: none."""
    bit_rate: int | None = None
    first_tick: int = 0


X265 = {"preset": "ultrafast"}
CLOSED_X265 = "keyint=24:open-gop=0:bframes=4:scenecut=0:log-level=none"
X264 = {"preset": "veryfast", "crf": "30"}

CODINGS = {
    "x264": Coding("libx264", options=X264 | {"x264-params": "keyint=24:scenecut=0"}),
    "x264 pyramid": Coding(
        "libx264", options=X264 | {"x264-params": "keyint=24:bframes=5:b-pyramid=normal:b-adapt=0:scenecut=0"}
    ),
    "x264 open": Coding(
        "libx264",
        options=X264
        | {"x264-params": "keyint=24:open-gop=1:bframes=3:b-pyramid=normal:b-adapt=0:scenecut=0"},
    ),
    "x264 open ts": Coding(
        "libx264",
        ".ts",
        X264 | {"x264-params": "keyint=24:open-gop=1:bframes=3:b-pyramid=normal:b-adapt=0:scenecut=0"},
    ),
    "x264 mkv": Coding("libx264", ".mkv", X264 | {"x264-params": "keyint=24:bframes=3"}),
    "x264 ts": Coding("libx264", ".ts", X264 | {"x264-params": "keyint=24:bframes=3"}),
    "x264 refresh": Coding("libx264", options=X264 | {"x264-params": "keyint=24:intra-refresh=1:bframes=2"}),
    "x264 infinite": Coding("libx264", options=X264 | {"x264-params": "keyint=infinite:bframes=3"}),
    "x264 interlaced": Coding("libx264", options=X264 | {"x264-params": "keyint=24:tff=1:bframes=2"}),
    "x264 variable rate": Coding(
        "libx264", options=X264 | {"x264-params": "keyint=24:bframes=3"}, step_ticks=(1, 3, 1, 40, 2)
    ),
    "x265": Coding(
        "libx265",
        options={
            "preset": "ultrafast",
            "x265-params": "keyint=24:bframes=4:b-pyramid=1:scenecut=0:log-level=none",
        },
    ),
    "x265 closed": Coding(
        "libx265",
        options={
            "preset": "ultrafast",
            "x265-params": CLOSED_X265,
        },
    ),
    "x265 layers": Coding(
        "libx265",
        options={
            "preset": "ultrafast",
            "x265-params": "keyint=24:bframes=4:b-pyramid=1:temporal-layers=2:scenecut=0:log-level=none",
        },
    ),
    "x265 radl": Coding(
        "libx265",
        options={
            "preset": "ultrafast",
            "x265-params": "keyint=24:open-gop=0:radl=2:bframes=4:scenecut=0:log-level=none",
        },
    ),
    "x265 ts": Coding(
        "libx265",
        ".ts",
        X265 | {"x265-params": "keyint=24:bframes=3:scenecut=0:log-level=none"},
    ),
    "mpeg4": Coding("mpeg4", b_frames=2),
    "mpeg4 avi": Coding("mpeg4", ".avi", b_frames=2),
    "mpeg2": Coding("mpeg2video", ".ts", b_frames=2),
    "mpeg2 closed": Coding("mpeg2video", ".ts", {"flags": "+cgop", "sc_threshold": "1000000000"}, b_frames=2),
    "mpeg1": Coding("mpeg1video", ".mpg", b_frames=2),
    "mjpeg": Coding("mjpeg", ".avi", pixels="yuvj420p"),
    "vp8": Coding("libvpx", ".webm", {"deadline": "realtime", "cpu-used": "8"}),
    "vp8 hidden": Coding(
        "libvpx",
        ".webm",
        {"deadline": "good", "cpu-used": "5", "auto-alt-ref": "1", "lag-in-frames": "16"},
        bit_rate=200_000,
    ),
    "vp9": Coding("libvpx-vp9", ".webm", {"deadline": "realtime", "cpu-used": "8"}),
    "vp9 hidden": Coding(
        "libvpx-vp9",
        ".webm",
        {"deadline": "good", "cpu-used": "8", "auto-alt-ref": "1", "lag-in-frames": "25"},
        bit_rate=200_000,
    ),
    "av1": Coding("libsvtav1", ".mkv", {"preset": "12"}, frames=80),
    "raw h264": Coding("libx264", ".h264", X264 | {"x264-params": "keyint=24:bframes=3"}),
    "prores": Coding("prores", ".mov", pixels="yuv422p10le", frames=30),
    "flv1": Coding("flv", ".flv"),
}
"""By what is special about them."""


def make_coded(path: Path, coding: Coding) -> Path:
    """Encode ``coding`` into ``path`` and its suffix."""
    path = path.with_name(path.name + coding.suffix)
    with av.open(str(path), "w", format=coding.format) as container:
        stream = container.add_stream(coding.codec, rate=30, options=dict(coding.options))
        stream.width, stream.height = coding.size
        stream.pix_fmt = coding.pixels
        context = stream.codec_context
        context.gop_size, context.max_b_frames = coding.gop, coding.b_frames
        if coding.bit_rate:
            context.bit_rate = coding.bit_rate
        if coding.displayed:
            stream.set_display_matrix(list(coding.displayed))
        at = coding.first_tick
        for number in range(coding.frames):
            frame = av.VideoFrame.from_ndarray(picture(coding.size, number), format="rgb24")
            frame = frame.reformat(format=coding.pixels)
            frame.pts, frame.time_base = at, Fraction(1, 30)
            at += coding.step_ticks[number % len(coding.step_ticks)]
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path
