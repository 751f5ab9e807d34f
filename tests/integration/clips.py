"""Clips made for a test with FFmpeg's own encoders: any size, pixel format, group and length."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Clip:
    """What is in a clip; its pictures are moving gradients in colour."""

    frames: int = 60
    size: tuple[int, int] = (160, 120)
    fps: int = 30
    gop: int = 15
    b_frames: int = 0
    codec: str = "libx264"
    pixels: str = "yuv420p"
    matrix: int = 2
    """AVColorSpace: 1 BT.709, 2 not said, 6 BT.601."""
    full_range: bool = False


def make_clip(path: Path, clip: Clip = Clip()) -> Path:
    """Encode ``clip`` into ``path``; its suffix says the container."""
    with av.open(str(path), "w") as container:
        encode(container, clip)
    return path


def encode(container: av.container.OutputContainer, clip: Clip) -> None:
    stream = container.add_stream(clip.codec, rate=clip.fps)
    stream.width, stream.height = clip.size
    stream.pix_fmt = clip.pixels
    stream.gop_size = clip.gop
    context = stream.codec_context
    context.thread_count = 1
    if clip.codec == "libx264":
        context.options = {"preset": "ultrafast", "crf": "12", "bf": str(clip.b_frames), "sc_threshold": "0"}
    context.colorspace = clip.matrix
    context.color_range = 2 if clip.full_range else 1
    for number in range(clip.frames):
        frame = av.VideoFrame.from_ndarray(picture(clip.size, number), format="rgb24")
        frame = frame.reformat(
            format=clip.pixels,
            dst_colorspace=clip.matrix if clip.matrix == 1 else None,
            dst_color_range=2 if clip.full_range else 1,
        )
        frame.pts, frame.time_base = number, Fraction(1, clip.fps)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def picture(size: tuple[int, int], number: int) -> NDArray[np.uint8]:
    """(height, width, 3) RGB: smooth, bright everywhere, different in each frame."""
    width, height = size
    x = np.linspace(60, 250, width)[None, :, None]
    y = np.linspace(0, 1, height)[:, None, None]
    tint = 0.4 + 0.6 * np.abs(np.cos(number / 9 + np.array([0.0, 1.0, 2.0])))
    return (x * tint * (0.6 + 0.4 * y)).astype(np.uint8)
