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
        """How many runs were missed at frames of its epoch between the last one looked at and ``frame``.

        For gaps only; ask before `look`. Exact where the source is steady, else the most there can
        have been. A turn that was open before the gap is not lost: the next full window takes it.
        """
        keyed = self._sampling.on is SampleOn.KEYFRAMES
        last = self._last if self._last is not None and self._last.epoch == frame.epoch else None
        unseen = self._full_windows_between(last, frame)
        if self._sampling.interval_us == 0 or unseen == 0:
            return unseen
        previous = frame.previous_key_us if keyed else frame.previous_us
        if previous is None:
            return 0
        interval = self._sampling.interval_us
        since = frame.t0_us if last is None else last.pts_us
        cells = turn(previous, frame.t0_us, interval) - turn(since, frame.t0_us, interval)
        return min(unseen, cells + (1 if last is None else 0))

    def _full_windows_between(self, last: FrameHeader | None, frame: FrameHeader) -> int:
        """How many frames strictly between the two end a full window."""
        if self._sampling.on is SampleOn.KEYFRAMES:
            first, after = frame.first_key_index, None if last is None else last.key_index
            end = frame.key_index + (0 if frame.keyframe else 1)
        else:
            first, after = frame.first_index, None if last is None else last.index
            end = frame.index
        begin = first + self._sampling.reach - 1
        if after is not None:
            begin = max(begin, after + 1)
        return max(end - begin, 0)
