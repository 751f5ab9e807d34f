"""The schedule of one job on one source: which frames it runs at. Pure; the same offline.

A due frame whose window is not full yet does not run and does not use up its turn: the turn stays
open and goes to the first frame that fills the window.
"""

from __future__ import annotations

from enum import Enum

from edged.model.frame import FrameHeader
from edged.model.sampling import SampleOn, Sampling, is_due, is_window_full, turn


class Verdict(Enum):
    """What a frame means to a job."""

    RUN = "run"
    SKIP = "skip"
    FILLING = "filling"
    """Its turn, but the window is not full yet."""


class Schedule:
    """Looks at every header of a source in order and says at which frames the job runs."""

    def __init__(self, sampling: Sampling) -> None:
        self._sampling = sampling
        self._epoch = 0
        self._open_turn = False
        self._last: FrameHeader | None = None

    def look(self, frame: FrameHeader) -> Verdict:
        """Decide on ``frame``; call once per header, in order."""
        if frame.epoch != self._epoch:
            self._epoch = frame.epoch
            self._open_turn = False
            self._last = None
        if self._sampling.on is SampleOn.KEYFRAMES and not frame.keyframe:
            return Verdict.SKIP
        self._last = frame
        if not (is_due(self._sampling, frame) or self._open_turn):
            return Verdict.SKIP
        self._open_turn = not is_window_full(self._sampling, frame)
        return Verdict.FILLING if self._open_turn else Verdict.RUN

    def turns_lost_before(self, frame: FrameHeader) -> int:
        """How many due frames of its epoch lie unseen between the last header looked at and ``frame``.

        For gaps only: exact where the source is steady, else the most there can have been.
        """
        last = self._last if self._last is not None and self._last.epoch == frame.epoch else None
        first = frame.t0_us if last is None else last.pts_us
        keyed = self._sampling.on is SampleOn.KEYFRAMES
        if last is None:
            frames = (frame.key_index - frame.first_key_index) if keyed else frame.index - frame.first_index
        else:
            frames = (frame.key_index - last.key_index) if keyed else frame.index - last.index
            frames -= 1
        if self._sampling.interval_us == 0 or frames <= 0:
            return max(frames, 0)
        previous = frame.previous_key_us if keyed else frame.previous_us
        if previous is None:
            return 0
        interval = self._sampling.interval_us
        cells = turn(previous, frame.t0_us, interval) - turn(first, frame.t0_us, interval)
        return min(frames, cells + (1 if last is None else 0))
