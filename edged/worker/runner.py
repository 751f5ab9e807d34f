"""Carries out due runs: lease the window, run the chain, publish, count. One after the other; where cameras
share runs of a model, their first links at once.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass

from edged.algorithm.batched import Prepared, run_together
from edged.algorithm.frame import Frame
from edged.algorithm.session import Session
from edged.errors import AlgorithmError, EdgedError
from edged.model.detection import Outcome
from edged.supervise.heartbeat import Heartbeat
from edged.track.reader import Missing
from edged.worker.backlog import Backlog
from edged.worker.chain import Answer
from edged.worker.decals import Decals
from edged.worker.encoding import zone_counts
from edged.worker.fault import describe_fault
from edged.worker.images import Images
from edged.worker.jobs import Jobs
from edged.worker.lane import Due, Lane
from edged.worker.pictures import Album
from edged.worker.publisher import Finding, Publisher
from edged.worker.snapshot import Snapshots
from edged.worker.tally import Skip

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Turn:
    """A due run whose frames are leased."""

    due: Due
    frames: tuple[Frame, ...]
    started_ns: int


class Runner:
    """Belongs to the worker's main thread."""

    def __init__(
        self,
        heartbeat: Heartbeat,
        jobs: Jobs,
        publisher: Publisher,
        album: Album,
        snapshots: Snapshots,
        images: Images,
        decals: Decals,
    ) -> None:
        self._heartbeat = heartbeat
        self._jobs = jobs
        self._publisher = publisher
        self._album = album
        self._snapshots = snapshots
        self._images = images
        self._decals = decals
        self._faults: dict[tuple[str, str], str] = {}
        """The error last logged of each (job, source)."""

    def run(self, due: Due, backlog: Backlog[Due]) -> None:
        """Run it, unless its lane is gone or backing off, or its frames are. Raises `ChannelClosed`.

        Where cameras share runs of a model, those of ``backlog`` that wait for the same one come along.
        """
        session = due.lane.session
        together = [due]
        if session is not None and session.batch is not None and session.batch > 1:
            together += backlog.take_all(lambda other: other.lane.session is session, session.batch - 1)
        with contextlib.ExitStack() as leases:
            turns = [turn for each in together if (turn := self._turn(each, leases)) is not None]
            answers = self._ask_together(session, turns) if session is not None and len(turns) > 1 else {}
            for turn in turns:
                self._attempt(turn, answers.get(turn.due))

    def _turn(self, due: Due, leases: contextlib.ExitStack) -> Turn | None:
        """Its frames, leased; None: it is not to run."""
        lane = due.lane
        if not lane.alive:
            return None
        if not lane.failures.may_try(time.monotonic_ns()):
            lane.tally.skip(Skip.FAILED)
            return None
        window = due.feed.reader.lease(lane.window_indexes(due.header), by_key=lane.by_key)
        if isinstance(window, Missing):
            lane.tally.skip(Skip.OVERRUN)
            return None
        leases.enter_context(window)
        frames = tuple(Frame(leased.header, leased.pixels) for leased in window.frames)
        if lane.watchman is not None and not lane.watchman.lets_pass(frames[-1]):
            lane.tally.skip(Skip.STILL)
            return None
        return Turn(due, frames, time.monotonic_ns())

    def _ask_together(self, session: Session, turns: Sequence[Turn]) -> dict[Due, Answer]:
        """One run of the model for all whose pictures have one size; empty where that fails: then each runs
        alone, and the one that is to blame fails alone.
        """
        first = turns[0].due.lane
        self._heartbeat.beat("run", first.spec.deadline_s, job=first.spec.name, source=first.source)
        try:
            prepared = _of_one_shape(turns)
            if len(prepared) < 2:
                return {}
            outputs = run_together(session, [ready.feed for ready in prepared.values()])
        except Exception as error:  # noqa: BLE001 — somebody's picture; each is asked again on its own
            _log.debug("a run for %d cameras failed, each runs alone: %s", len(turns), error)
            return {}
        return {
            due: Answer(ready, output) for (due, ready), output in zip(prepared.items(), outputs, strict=True)
        }

    def _attempt(self, turn: Turn, answer: Answer | None) -> None:
        lane, frames = turn.due.lane, turn.frames
        spec = lane.spec
        self._heartbeat.beat("run", spec.deadline_s, job=spec.name, source=lane.source)
        started_ns = time.monotonic_ns() if answer is None else turn.started_ns
        try:
            outcome = lane.chain.run(frames, answer)
        except (Exception, SystemExit) as error:  # noqa: BLE001 — somebody else's run()
            self._failed(lane, error)
            return
        ended_ns = time.monotonic_ns()
        events, track_id = lane.chain.emissions.take(), lane.chain.track_ids.last
        finding = Finding(turn.due.header, outcome, events, started_ns, ended_ns, track_id)
        try:
            sent = self._publisher.publish(spec, lane.source, finding)
        except AlgorithmError as error:
            self._failed(lane, error)
            return
        self._count(lane, finding, sent.refused)
        lane.trails.saw(finding.header, outcome.detections or ())
        self._snapshots.saw(lane, frames[-1], outcome)
        if sent.seq:
            origin = self._publisher.origin(spec.name, lane.source)
            self._images.saw(lane, frames[-1], outcome, origin, sent.seq)
        self._decals.saw(lane, finding.header, outcome)
        self._album.saw(lane, frames[-1], outcome, time.monotonic_ns())

    def _count(self, lane: Lane, finding: Finding, refused: int) -> None:
        lane.tally.skip(Skip.UNSENT, refused + lane.chain.emissions.take_dropped())
        total_ms = (time.monotonic_ns() - finding.header.captured_ns) / 1e6
        is_first = lane.tally.ran(total_ms, (finding.ended_ns - finding.started_ns) / 1e6)
        self._succeeded(lane, finding.outcome)
        if is_first:
            self._tell(lane)

    def _succeeded(self, lane: Lane, outcome: Outcome) -> None:
        lane.tally.detections[lane.source] = len(outcome.detections or ())
        lane.tally.zones[lane.source] = zone_counts(outcome)
        if lane.failures.failing:
            lane.failures.succeeded()
            _log.info("job %s on %s runs again", lane.spec.name, lane.source)
            self._jobs.lane_recovered(lane)

    def _failed(self, lane: Lane, error: BaseException) -> None:
        lane.failures.failed(time.monotonic_ns())
        is_first = lane.tally.failed()
        lane.chain.restart()
        code = error.code if isinstance(error, EdgedError) else "algorithm_failed"
        fault = describe_fault(error, lane.spec.hidden)
        self._jobs.lane_failed(lane, code, fault)
        self._snapshots.failed(lane, code, fault)
        if is_first:
            self._tell(lane)
        self._log(lane, fault, error)

    def _tell(self, lane: Lane) -> None:
        """Somebody may wait for the first run of what was just changed: sooner than once a second."""
        self._publisher.stats(lane.tally.stats(lane.spec.name, time.monotonic_ns()))

    def _log(self, lane: Lane, fault: str, error: BaseException) -> None:
        """With its traceback the first time, if no secret can be in it; again only for who debugs."""
        key = (lane.spec.name, lane.source)
        level = logging.DEBUG if self._faults.get(key) == fault else logging.ERROR
        self._faults[key] = fault
        trace = None if isinstance(error, EdgedError) or lane.spec.hidden else error
        _log.log(level, "job %s on %s failed: %s", *key, fault, exc_info=trace)


def _of_one_shape(turns: Sequence[Turn]) -> dict[Due, Prepared]:
    """The model's inputs of those that have the shape of the first."""
    prepared: dict[Due, Prepared] = {}
    for turn in turns:
        algorithm = turn.due.lane.chain.first
        ready = None if algorithm is None else algorithm.prepare(turn.frames)
        shape = next((other.feed.shape for other in prepared.values()), None)
        if ready is not None and shape in (None, ready.feed.shape):
            prepared[turn.due] = ready
    return prepared
