"""When a job is due: pure functions of the frames' own times.

Capture (what to copy), worker (what to run) and offline analysis (what to look at) ask the same
functions and so come to the same answer without talking. The formula: with t0 the pts of the first
frame of an epoch and T the interval, frame i is due when
``floor((p_i - t0 + 1 us) / T) > floor((p_(i-1) - t0 + 1 us) / T)``, and the first one is.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from edged.model.frame import FrameHeader


class SampleOn(StrEnum):
    FRAMES = "frames"
    KEYFRAMES = "keyframes"


@dataclass(frozen=True, slots=True)
class Sampling:
    """Every ``interval_us`` give ``count`` frames: the newest and every ``step``-th one back."""

    interval_us: int = 1_000_000
    """0: every frame is due."""
    count: int = 1
    step: int = 0
    """0 is 1."""
    on: SampleOn = SampleOn.FRAMES

    @property
    def reach(self) -> int:
        """How many frames of the source a window spans: (count - 1) * step + 1."""
        return (self.count - 1) * max(self.step, 1) + 1


def turn(pts_us: int, t0_us: int, interval_us: int) -> int:
    """The number of the grid cell of length ``interval_us`` > 0 in which a frame lies."""
    return (pts_us - t0_us + 1) // interval_us


def is_due(sampling: Sampling, frame: FrameHeader) -> bool:
    """Whether the formula calls for a run at this frame."""
    if sampling.on is SampleOn.KEYFRAMES:
        if not frame.keyframe:
            return False
        previous = frame.previous_key_us
    else:
        previous = frame.previous_us
    if previous is None or sampling.interval_us == 0:
        return True
    now = turn(frame.pts_us, frame.t0_us, sampling.interval_us)
    return now > turn(previous, frame.t0_us, sampling.interval_us)


def is_window_full(sampling: Sampling, frame: FrameHeader) -> bool:
    """Whether the epoch already holds all the frames of a window that ends with this frame."""
    if sampling.on is SampleOn.KEYFRAMES:
        return frame.key_index - frame.first_key_index + 1 >= sampling.reach
    return frame.index - frame.first_index + 1 >= sampling.reach


def window_indexes(sampling: Sampling, newest: int) -> tuple[int, ...]:
    """The indexes (key indexes when sampling keyframes) of a window's frames, oldest first."""
    step = max(sampling.step, 1)
    return tuple(newest - step * back for back in range(sampling.count - 1, -1, -1))
