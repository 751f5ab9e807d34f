"""The clock of one source: stamps of any quality in, ever rising pts, epochs and indexes out. Pure.

A stream's own time base starts anywhere, loops, jumps and sometimes means nothing. Here it becomes
what `FrameHeader` promises: ``pts_us`` and the indexes rise over epochs, reconnects and replaced
captures, and a break in time begins an epoch.
"""

from __future__ import annotations

from enum import Enum
from fractions import Fraction

from edged.model.capturing import ResumePoint
from edged.model.frame import FrameFormat, FrameHeader
from edged.types import MonotonicNs, PtsUs, WallNs

JUMP_US = 10_000_000
"""A step forward this much longer than the time that really went by begins an epoch."""
DISORDER_US = 1_000_000
"""A step back shorter than this is a stamp out of order, and is put right; a longer one begins an epoch."""


class Gap(Enum):
    """What lies between the last frame of an epoch and the first of the next."""

    ELAPSED = "elapsed"
    """As much as the monotonic clock says (a connection was lost)."""
    NONE = "none"
    """Nothing: the next frame follows on the last (a file that loops)."""


class SourceClock:
    """Counts and stamps the frames of one source over all its epochs."""

    def __init__(self) -> None:
        self.epoch = 0
        self.index = -1
        """Of the newest frame; -1 before the first."""
        self.key_index = -1
        """Of the newest keyframe; -1 before the first."""
        self.pts_us = 0
        """Of the newest picture, also of one that the cap left out."""
        self._live = False
        self._frame_us = 40_000
        self._rate_cap: Fraction | None = None
        self._among_keyframes = False
        self._gap: Gap | None = Gap.NONE
        self._seen = False
        self._seen_ns = 0
        self._raw_us = 0
        self._step_us = 0
        self._offset_us = 0
        self._anchored = False
        """Whether a stamp of the stream itself was seen in this epoch."""
        self._t0_us = 0
        self._first_index = 0
        self._first_key_index = 0
        self._keyframe = False
        self._frame_at_us: int | None = None
        self._previous_us: int | None = None
        self._key_at_us: int | None = None
        self._previous_key_us: int | None = None

    def resume(self, point: ResumePoint) -> None:
        """Go on after the last frame of the capture that this one replaces."""
        self.epoch, self.index, self.key_index = point.epoch, point.index, point.key_index
        self.pts_us, self._seen_ns = point.pts_us, point.captured_ns
        self._seen = True
        self._gap = Gap.ELAPSED

    def set_cap(self, fps: float | None, *, among_keyframes: bool = False) -> None:
        """At most this many frames per second from now on; the others are not frames of the source.

        Keyframes come anywhere in the cap's grid, and one that is not the first frame of its cell would
        be left out. ``among_keyframes``, because only they are wanted, caps them by themselves.
        """
        self._rate_cap = None if fps is None else Fraction(fps).limit_denominator(1001)
        self._among_keyframes = among_keyframes

    def open(self, *, live: bool, frame_us: int) -> None:
        """The source was opened (again); ``frame_us`` is how long a frame lasts where no stamp tells."""
        self._live = live
        self._frame_us = frame_us
        self._step_us = 0

    def begin_epoch(self, gap: Gap) -> None:
        """The next frame is the first of an epoch."""
        self._anchored = False
        if self._gap is not Gap.ELAPSED:
            self._gap = gap

    def tick(self, raw_us: int | None, now_ns: int, *, keyframe: bool) -> bool:
        """Take the next picture in order; False: the cap leaves it out.

        ``raw_us`` is its stamp on the stream's own time base, None when it has none; ``now_ns`` the
        monotonic time of its arrival.
        """
        if raw_us is None:
            raw_us = self._stand_in(now_ns)
        elif not self._anchored:
            self._anchor(raw_us)
        if self._gap is None and self._is_break(raw_us, now_ns):
            self._gap = Gap.ELAPSED if self._live else Gap.NONE
        if self._gap is not None:
            self._start_epoch(raw_us, now_ns, self._gap)
        else:
            step_us = raw_us - self._raw_us
            self._step_us = step_us if step_us > 0 else self._step_us
            self._raw_us = max(raw_us, self._raw_us)
            self.pts_us = max(raw_us + self._offset_us, self.pts_us + 1)
        self._seen, self._seen_ns = True, now_ns
        if not self._passes_cap(self._key_at_us if keyframe and self._among_keyframes else self._frame_at_us):
            return False
        self._count(keyframe=keyframe)
        return True

    def header(
        self, frame_format: FrameFormat, captured_ns: MonotonicNs, captured_wall_ns: WallNs
    ) -> FrameHeader:
        """The header of the frame that `tick` took last."""
        return FrameHeader(
            epoch=self.epoch,
            index=self.index,
            key_index=max(self.key_index, 0),
            pts_us=PtsUs(self.pts_us),
            t0_us=PtsUs(self._t0_us),
            first_index=self._first_index,
            first_key_index=self._first_key_index,
            previous_us=None if self._previous_us is None else PtsUs(self._previous_us),
            previous_key_us=None if self._previous_key_us is None else PtsUs(self._previous_key_us),
            keyframe=self._keyframe,
            captured_ns=captured_ns,
            captured_wall_ns=captured_wall_ns,
            format=frame_format,
        )

    def _stand_in(self, now_ns: int) -> int:
        if self._live and self._gap is not None:
            return now_ns // 1000
        return self._raw_us + ((now_ns - self._seen_ns) // 1000 if self._live else self._frame_us)

    def _anchor(self, raw_us: int) -> None:
        """The first stamp, after frames that had none: RTSP has none before it knows its range."""
        self._anchored = True
        self._raw_us = raw_us - self._frame_us
        self._offset_us = self.pts_us - self._raw_us

    def _is_break(self, raw_us: int, now_ns: int) -> bool:
        step_us = raw_us - self._raw_us
        if step_us < -DISORDER_US:
            return True
        if self._live:
            return step_us - (now_ns - self._seen_ns) // 1000 > JUMP_US
        return step_us > max(JUMP_US, 3 * self._frame_us)

    def _start_epoch(self, raw_us: int, now_ns: int, gap: Gap) -> None:
        if self._seen:
            passed_us = (now_ns - self._seen_ns) // 1000 if gap is Gap.ELAPSED else self._step_us
            self.pts_us += max(passed_us, self._step_us or self._frame_us)
        self._raw_us = raw_us
        self._offset_us = self.pts_us - raw_us
        self._gap = None
        self.epoch += 1
        self._t0_us = self.pts_us
        self._first_index = self.index + 1
        self._first_key_index = self.key_index + 1
        self._frame_at_us = self._previous_us = None
        self._key_at_us = self._previous_key_us = None

    def _passes_cap(self, before_us: int | None) -> bool:
        """Whether there is a new cell since the frame ``before_us``."""
        if self._rate_cap is None or before_us is None:
            return True
        return self._cell(self.pts_us, self._rate_cap) > self._cell(before_us, self._rate_cap)

    def _cell(self, pts_us: int, rate: Fraction) -> int:
        """`edged.model.sampling.turn` for an interval of 1 / rate, exact where that is no whole number."""
        return (pts_us - self._t0_us + 1) * rate.numerator // (1_000_000 * rate.denominator)

    def _count(self, *, keyframe: bool) -> None:
        self.index += 1
        self._previous_us, self._frame_at_us = self._frame_at_us, self.pts_us
        self._previous_key_us = self._key_at_us
        self._keyframe = keyframe
        if keyframe:
            self.key_index += 1
            self._key_at_us = self.pts_us
