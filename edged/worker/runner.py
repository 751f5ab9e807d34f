"""Carries out one due run: lease the window, run the chain, publish, count. One at a time."""

from __future__ import annotations

import logging
import time

from edged.algorithm.frame import Frame
from edged.errors import AlgorithmError, EdgedError
from edged.model.detection import Outcome
from edged.supervise.heartbeat import Heartbeat
from edged.track.reader import Missing
from edged.worker.encoding import zone_counts
from edged.worker.fault import describe_fault
from edged.worker.jobs import Jobs
from edged.worker.lane import Due, Lane
from edged.worker.pictures import Album
from edged.worker.publisher import Finding, Publisher
from edged.worker.snapshot import Snapshots
from edged.worker.tally import Skip

_log = logging.getLogger(__name__)


class Runner:
    """Belongs to the worker's main thread."""

    def __init__(
        self, heartbeat: Heartbeat, jobs: Jobs, publisher: Publisher, album: Album, snapshots: Snapshots
    ) -> None:
        self._heartbeat = heartbeat
        self._jobs = jobs
        self._publisher = publisher
        self._album = album
        self._snapshots = snapshots
        self._faults: dict[tuple[str, str], str] = {}
        """The error last logged of each (job, source)."""

    def run(self, due: Due) -> None:
        """Run it, unless its lane is gone or backing off, or its frames are. Raises `ChannelClosed`."""
        lane = due.lane
        if not lane.alive:
            return
        if not lane.failures.may_try(time.monotonic_ns()):
            lane.tally.skip(Skip.FAILED)
            return
        window = due.feed.reader.lease(lane.window_indexes(due.header), by_key=lane.by_key)
        if isinstance(window, Missing):
            lane.tally.skip(Skip.OVERRUN)
            return
        spec = lane.spec
        self._heartbeat.beat("run", spec.deadline_s, job=spec.name, source=lane.source)
        with window:
            frames = tuple(Frame(leased.header, leased.pixels) for leased in window.frames)
            if lane.watchman is None or lane.watchman.lets_pass(frames[-1]):
                self._attempt(due, frames)
            else:
                lane.tally.skip(Skip.STILL)

    def _attempt(self, due: Due, frames: tuple[Frame, ...]) -> None:
        lane = due.lane
        started_ns = time.monotonic_ns()
        try:
            outcome = lane.chain.run(frames)
        except (Exception, SystemExit) as error:  # noqa: BLE001 — somebody else's run()
            self._failed(lane, error)
            return
        ended_ns = time.monotonic_ns()
        events, track_id = lane.chain.emissions.take(), lane.chain.track_ids.last
        finding = Finding(due.header, outcome, events, started_ns, ended_ns, track_id)
        try:
            refused = self._publisher.publish(lane.spec, lane.source, finding)
        except AlgorithmError as error:
            self._failed(lane, error)
            return
        sent_ns = time.monotonic_ns()
        lane.tally.skip(Skip.UNSENT, refused + lane.chain.emissions.take_dropped())
        total_ms, inference_ms = (sent_ns - due.header.captured_ns) / 1e6, (ended_ns - started_ns) / 1e6
        is_first = lane.tally.ran(total_ms, inference_ms)
        self._succeeded(lane, outcome)
        if is_first:
            self._tell(lane)
        lane.trails.saw(due.header, outcome.detections or ())
        self._snapshots.saw(lane, frames[-1], outcome)
        self._album.saw(lane, frames[-1], outcome, sent_ns)

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
