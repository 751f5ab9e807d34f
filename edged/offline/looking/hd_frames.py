"""Footage as frames of 1080p, to measure with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np

from edged.algorithm.frame import Frame
from edged.capture.copying import Copier
from edged.errors import SourceUnsupported
from edged.model.frame import FrameFormat, FrameHeader
from edged.offline.reading.footage import open_video, read_picture
from edged.types import MonotonicNs, PtsUs, WallNs

WIDTH, HEIGHT = 1920, 1080
PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
_NOISE = 3.0
"""Gray levels, standard deviation: about a sensor's by day."""
_HEADER = FrameHeader(
    epoch=1,
    index=0,
    key_index=0,
    pts_us=PtsUs(0),
    t0_us=PtsUs(0),
    first_index=0,
    first_key_index=0,
    previous_us=None,
    previous_key_us=None,
    keyframe=True,
    captured_ns=MonotonicNs(0),
    captured_wall_ns=WallNs(0),
    format=FrameFormat(WIDTH, HEIGHT),
)


def frames_of(paths: tuple[Path, ...], most: int) -> Iterator[Frame]:
    """``most`` of each video, spread over it, and each picture; without any, ``most`` that are made.

    Raises `SourceUnsupported`, `SourceUnavailable`, OSError.
    """
    if not paths:
        yield from (made_frame(number) for number in range(most))
    for path in paths:
        if _is_picture(path):
            yield scaled(read_picture(path))
        else:
            yield from _of_video(path, most)


def expected_frames(paths: tuple[Path, ...], most: int) -> int:
    """How many `frames_of` gives, if every video has as many."""
    return sum(1 if _is_picture(path) else most for path in paths) or most


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in PICTURES


def _of_video(path: Path, most: int) -> Iterator[Frame]:
    with open_video(path) as video:
        number = sum(1 for _ in video.pictures())
    if not number:
        raise SourceUnsupported(f"there is no picture in {path.name} that can be decoded")
    wanted = {round((place + 0.5) * number / most - 0.5) for place in range(most)}
    copier = Copier()
    with open_video(path) as video:
        for place, (picture, _, _) in enumerate(video.pictures()):
            if place in wanted:
                yield scaled(frame_of(picture, copier))


def frame_of(picture: av.VideoFrame, copier: Copier) -> Frame:
    """A decoded picture as a frame that knows nothing of time."""
    layout = copier.format_of(picture)
    pixels = np.empty(layout.frame_bytes, dtype=np.uint8)
    copier.copy(picture, pixels)
    return Frame(replace(_HEADER, format=layout), pixels)


def scaled(frame: Frame) -> Frame:
    """To 1080p, range and matrix as they are; what is too high or too wide for 16:9 is cut off evenly."""
    across = min(1.0, frame.height * WIDTH / HEIGHT / frame.width)
    down = min(1.0, frame.width * HEIGHT / WIDTH / frame.height)
    part, _ = frame.cut(((1 - across) / 2, (1 - down) / 2, (1 + across) / 2, (1 + down) / 2))
    layout = replace(frame.header.format, width=WIDTH, height=HEIGHT)
    large = Frame(replace(_HEADER, format=layout), np.empty(layout.frame_bytes, dtype=np.uint8))
    way = cv2.INTER_CUBIC if part.width < WIDTH else cv2.INTER_AREA
    for plane, into in ((part.y, large.y), (part.u, large.u), (part.v, large.v)):
        cv2.resize(plane, (into.shape[1], into.shape[0]), dst=into, interpolation=way)
    return large


def made_frame(number: int) -> Frame:
    """Soft colours, sharp shapes and the noise of a sensor: the same for each number."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    picture = np.stack((columns / 12, 90 + rows / 12, 200 - columns / 16), axis=-1).astype(np.uint8)
    chance = np.random.default_rng(number)
    for place in range(60):
        middle = (int(chance.integers(WIDTH)), int(chance.integers(HEIGHT)))
        color = tuple(float(value) for value in chance.integers(0, 255, 3))
        cv2.circle(picture, middle, 10 + place * 2, color, -1 if place % 3 else 3, cv2.LINE_AA)
        cv2.putText(picture, f"edged {place}", middle, cv2.FONT_HERSHEY_SIMPLEX, 1.2, color, 2, cv2.LINE_AA)
    noisy = np.clip(picture + chance.normal(0, _NOISE, picture.shape), 0, 255).astype(np.uint8)
    pixels = np.asarray(cv2.cvtColor(noisy, cv2.COLOR_BGR2YUV_I420), dtype=np.uint8)
    return Frame(_HEADER, pixels.reshape(-1))
