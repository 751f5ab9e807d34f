"""One job on one source, loaded: its schedule, its chain, and whether it is backing off."""

from __future__ import annotations

from dataclasses import dataclass

from edged.algorithm.session import Session
from edged.algorithm.trails import Trails
from edged.model.detection import Outcome
from edged.model.frame import FrameHeader
from edged.model.messages import JobSpec
from edged.model.sampling import SampleOn, window_indexes
from edged.model.schedule import Schedule, Verdict
from edged.track.feed import Feed
from edged.worker.backlog import Backlog
from edged.worker.chain import Chain
from edged.worker.failures import Failures
from edged.worker.motion_gate import Watchman
from edged.worker.tally import Skip, Tally


class Lane:
    """Belongs to the worker's main thread."""

    def __init__(self, spec: JobSpec, source: str, chain: Chain, tally: Tally, since_ns: int) -> None:
        self.spec = spec
        self.source = source
        self.chain = chain
        self.tally = tally
        """Of the job, shared by its lanes."""
        tally.counters[source] = chain.counters
        self.failures = Failures()
        self.alive = True
        """False once another took its place: what still waits for it is not run."""
        self.pictured_ns = 0
        """When a picture of its result was last asked for."""
        self.trails = Trails()
        self.newest: tuple[FrameHeader, Outcome] | None = None
        """What it saw last, and on which frame, where its chain draws that itself."""
        self._since_ns = since_ns
        self._schedule = Schedule(spec.sampling)
        self._looked = False
        self._resampled = False
        """Before its first look there were others, by another sampling."""
        self.watchman = _watchman(spec)
        """None: it runs whether anything moves or not."""

    def take_over(self, spec: JobSpec) -> None:
        """Go on as ``spec`` says, which asks for the same algorithms. What failed may try again at once."""
        if spec.sampling != self.spec.sampling:
            self._schedule = Schedule(spec.sampling)
            self._looked, self._resampled = False, True
        if spec.gate != self.spec.gate:
            self.watchman = _watchman(spec)
        self.spec = spec
        self.failures = Failures()

    def look(self, header: FrameHeader, feed: Feed, backlog: Backlog[Due], *, gap: bool) -> None:
        """Decide on the next header of the source; ``gap``: there were frames before it that nobody saw."""
        if gap and (self._looked or self._saw_it_begin(header)):
            self.tally.skip(Skip.OVERRUN, self._schedule.turns_lost_before(header))
        self._looked = True
        if self._schedule.look(header) is not Verdict.RUN:
            return
        # Frames from before its time are not its own: its predecessor ran on them, or died of them.
        if header.captured_ns < self._since_ns:
            return
        if backlog.put(self.spec.name, self.source, Due(self, feed, header)) is not None:
            self.tally.skip(Skip.LATE)

    def catch_up(self, feed: Feed, backlog: Backlog[Due]) -> None:
        """Look at what lies on the track already, and run on the newest due frame of it."""
        for header in feed.reader.headers(-1):
            if header.index <= feed.last_index:
                self.look(header, feed, backlog, gap=False)

    def _saw_it_begin(self, header: FrameHeader) -> bool:
        """Whether it was there already, as it is now, when the header's epoch began."""
        if self._resampled:
            return False  # of these frames most were looked at
        lasts_ns = (header.pts_us - header.t0_us) * 1000
        return header.captured_ns - lasts_ns >= self._since_ns

    @property
    def session(self) -> Session | None:
        """The model whose runs it may share with other lanes."""
        first = self.chain.first
        return None if first is None else first.session

    @property
    def by_key(self) -> bool:
        """Whether windows are made of keyframes, by their key indexes."""
        return self.spec.sampling.on is SampleOn.KEYFRAMES

    def window_indexes(self, newest: FrameHeader) -> tuple[int, ...]:
        """What to lease for a run at ``newest``."""
        return window_indexes(self.spec.sampling, newest.key_index if self.by_key else newest.index)


def _watchman(spec: JobSpec) -> Watchman | None:
    return None if spec.gate is None else Watchman(spec.gate)


@dataclass(frozen=True, slots=True, eq=False)
class Due:
    """A run that waits for its turn."""

    lane: Lane
    feed: Feed
    header: FrameHeader
