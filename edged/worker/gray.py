"""Gray frames, to warm algorithms up with: nobody's camera, but of a size that models like."""

from __future__ import annotations

import time

import numpy as np

from edged.algorithm.frame import Frame
from edged.model.frame import FrameFormat, FrameHeader
from edged.model.sampling import Sampling, window_indexes
from edged.types import MonotonicNs, PtsUs, WallNs

_GRAY = 128
_WARM_UP = FrameFormat(640, 360)


def gray_window(sampling: Sampling) -> tuple[Frame, ...]:
    """As many gray frames of 640x360 as ``sampling`` gives, oldest first, 40 ms apart."""
    pixels = np.full(_WARM_UP.frame_bytes, _GRAY, dtype=np.uint8)
    now_ns, wall_ns = time.monotonic_ns(), time.time_ns()
    previous: PtsUs | None = None
    frames = []
    for index in window_indexes(sampling, sampling.reach - 1):
        pts = PtsUs(40_000 * index)
        header = FrameHeader(
            epoch=1,
            index=index,
            key_index=index,
            pts_us=pts,
            t0_us=PtsUs(0),
            first_index=0,
            first_key_index=0,
            previous_us=previous,
            previous_key_us=previous,
            keyframe=True,
            captured_ns=MonotonicNs(now_ns),
            captured_wall_ns=WallNs(wall_ns),
            format=_WARM_UP,
        )
        previous = pts
        frames.append(Frame(header, pixels))
    return tuple(frames)
