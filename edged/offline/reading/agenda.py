"""Which frames of a video are due, and which are needed for that. Pure: stamps in, decisions out."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from edged.capture.clock import Gap, SourceClock
from edged.model.frame import FrameFormat, FrameHeader
from edged.model.sampling import SampleOn, Sampling
from edged.model.schedule import Schedule, Verdict
from edged.types import MonotonicNs, WallNs


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a video, on the video's own clock: its first frame is at 0."""

    start_us: int = 0
    end_us: int | None = None
    """The first that is not in it any more; None: to the end."""

    def holds(self, at_us: int) -> bool:
        return self.start_us <= at_us and not self.is_before(at_us)

    def is_before(self, at_us: int) -> bool:
        return self.end_us is not None and at_us >= self.end_us


@dataclass(slots=True)
class Moment:
    """A frame's place in the plan."""

    ticket: int
    """Of the caller's."""
    header: FrameHeader
    """Without the format, where that is not known before it is decoded."""
    due: tuple[bool, ...] = ()
    """For each sampling; nothing is due outside the span."""
    given: bool = False
    """Due, or wanted anyway."""
    wanted: bool = False
    """Its pixels are; `Agenda.settled` says when that is final."""
    is_left_out: bool = False
    """The clock's cap makes it no frame at all: the header is of the one before."""


class Agenda:
    """Looks at every frame in the order they are shown."""

    def __init__(
        self, clock: SourceClock, samplings: Sequence[Sampling], span: Span, *, every_frame: bool
    ) -> None:
        """``clock`` is opened; ``every_frame``: those that are due for nothing are given, too."""
        self._clock = clock
        self._samplings = tuple(samplings)
        self._schedules = [Schedule(sampling) for sampling in samplings]
        self._span = span
        self._every_frame = every_frame
        frames = [sampling for sampling in samplings if sampling.on is SampleOn.FRAMES]
        self.reach = max((sampling.reach for sampling in frames), default=1)
        """How many frames the longest window spans."""
        self.key_reach = max((sampling.reach for sampling in samplings if sampling not in frames), default=1)
        """How many keyframes."""
        self._recent: deque[Moment] = deque(maxlen=self.reach)
        """Frames that a window may want yet."""
        self._unsettled: deque[Moment] = deque()

    @property
    def is_over(self) -> bool:
        """Whether all that comes is after the span."""
        return self._clock.index >= 0 and self._span.is_before(self._clock.pts_us)

    def begin_epoch(self) -> None:
        """The next frame is the first of an epoch that follows at once."""
        self._clock.begin_epoch(Gap.NONE)

    def note(
        self, stamp_us: int | None, now_ns: int, layout: FrameFormat, ticket: int, *, keyframe: bool
    ) -> Moment:
        """The next frame that is shown."""
        is_frame = self._clock.tick(stamp_us, now_ns, keyframe=keyframe)
        header = self._clock.header(layout, MonotonicNs(now_ns), WallNs(0))
        if not is_frame:
            self._unsettled.append(Moment(ticket, header, is_left_out=True))
            return self._unsettled[-1]
        runs = [schedule.look(header) is Verdict.RUN for schedule in self._schedules]
        moment = Moment(ticket, header)
        self._recent.append(moment)
        self._unsettled.append(moment)
        if self._span.holds(header.pts_us):
            moment.due = tuple(runs)
            moment.given = self._every_frame or any(runs)
            moment.wanted = moment.given
            self._want_windows(runs)
        # Windows of keyframes reach back too far to wait for.
        if keyframe and self.key_reach > 1 and not self._span.is_before(header.pts_us):
            moment.wanted = True
        return moment

    def settled(self) -> list[Moment]:
        """Those of which ``wanted`` is final now, in order, each once."""
        settled = []
        frames = sum(not moment.is_left_out for moment in self._unsettled)
        while self._unsettled and (frames >= self.reach or self._unsettled[0].is_left_out):
            settled.append(self._unsettled.popleft())
            frames -= not settled[-1].is_left_out
        return settled

    def rest(self) -> list[Moment]:
        """No more come: all that are left are settled."""
        moments = list(self._unsettled)
        self._unsettled.clear()
        self._recent.clear()
        return moments

    def _want_windows(self, runs: Sequence[bool]) -> None:
        for sampling, is_run in zip(self._samplings, runs, strict=True):
            if is_run and sampling.on is SampleOn.FRAMES:
                step = max(sampling.step, 1)
                for back in range(step, min(sampling.reach, len(self._recent)), step):
                    self._recent[-1 - back].wanted = True
