"""What the worker says to main: results, counts and events, numbered; reports and statistics.

It never waits for main. A number is used up only by what main's channel took or what waits for it, so
what arrives is without gaps. What is owed to the broker (QoS 1) waits while the channel is full; everything
else, and what finds no room to wait in, is dropped (the newest) and counted.
"""

from __future__ import annotations

import time
import uuid
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from edged.model.detection import Outcome
from edged.model.ending import Reason, encode_end, pack_ending
from edged.model.frame import FrameHeader
from edged.model.messages import ClipWish, JobReport, JobSpec, JobStats, Numbering
from edged.model.output import Output, OutputKind, pack_output
from edged.supervise.channel import Channel
from edged.worker.chain import Emitted
from edged.worker.changes import discrete, is_wanted
from edged.worker.encoding import Latency, Origin, count, encode_counts, encode_event, encode_result
from edged.worker.pending import Pending
from edged.worker.unended import Unended

MOST_WISHES = 64
"""For clips that wait for room in main's channel; the newest are refused then."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One run that succeeded: what it saw, on which frame, and when."""

    header: FrameHeader
    outcome: Outcome
    events: tuple[Emitted, ...]
    started_ns: int
    ended_ns: int
    track_id: int = 0
    """The highest that was given out so far, seen in a result or not."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a finding."""

    refused: int
    """Messages that main had no room for."""
    seq: int = 0
    """Of its result; 0: there is none."""


class Publisher:
    """Sends; used from the worker's main thread only."""

    def __init__(self, channel: Channel) -> None:
        self.shown: frozenset[tuple[str, str]] = frozenset()
        """The jobs, each with a source, of which results are drawn now, also those that are not published."""
        self._channel = channel
        self._pending = Pending(channel)
        self._device = ""
        self._boot = ""
        self._numbers: dict[tuple[str, str], Numbering] = {}
        self._counts: dict[tuple[str, str], Mapping[str, Any]] = {}
        self._discrete: dict[tuple[str, str], object] = {}
        """Of the last result that was sent, of jobs that send changes only."""
        self._reports: dict[str, JobReport] = {}
        self._unended = Unended()
        self._wishes: deque[ClipWish] = deque()

    @property
    def is_behind(self) -> bool:
        """Something waits for room in main's channel: call `flush` when there is some."""
        return bool(self._pending or self._wishes)

    def introduce(self, device: str, boot: str, jobs: Sequence[JobSpec]) -> None:
        """Whose results these are, and where their numbers go on: never backwards."""
        self._device, self._boot = device, boot
        for job in jobs:
            for source, given in job.numbering.items():
                known = self._numbers.get((job.name, source), Numbering())
                self._numbers[job.name, source] = Numbering(
                    max(known.seq, given.seq),
                    max(known.track_id, given.track_id),
                    max(known.event, given.event),
                )
        # main clears the counts of a source that a job left: should it come back, they are news
        wanted = {(job.name, source): job for job in jobs for source in job.sources}
        self._counts = {key: counts for key, counts in self._counts.items() if key in wanted}
        self._discrete = {
            key: sent
            for key, sent in self._discrete.items()
            if key in wanted and wanted[key].publish_when == "change"
        }

    def origin(self, job: str, source: str) -> Origin:
        """What stands at the head of all that is said of this (job, source)."""
        return Origin(self._device, job, source, self._boot)

    def has_numbered(self, job: str, source: str) -> bool:
        """Whether any result or event of this (job, source) went out in this boot, from whichever worker."""
        numbers = self._numbers.get((job, source), Numbering())
        return numbers.seq > 0 or numbers.event > 0

    def publish(self, job: JobSpec, source: str, finding: Finding) -> Sent:
        """Send what a run found.

        Raises `AlgorithmError` when the result is not JSON or too large, and `ChannelClosed`.
        """
        refused = seq = 0
        if self._is_wanted(job, source, finding.outcome):
            seq = self._send_result(job, source, finding)
            refused += not seq
        elif (job.name, source) in self.shown:
            self._show(job.name, source, finding)
        if finding.outcome.detections is not None or finding.outcome.counts:
            refused += not self._send_counts(job.name, source, finding)
        for kind, fields in finding.events:
            if job.clips is not None and kind in job.clips.on:
                refused += not self._wish(job.name, source, finding.header, kind)
            if job.publish_when != "never" or self._unended.holds(job.name, source, kind, fields):
                refused += not self._send_event(job.name, source, finding, kind, fields)
        self._unended.see(job.name, source, finding.outcome.detections or (), int(finding.header.pts_us))
        return Sent(refused, seq)

    def end(self, job: str, source: str, reason: Reason) -> None:
        """Say the end of all that events of this (job, source) began: nobody will see it end. What is refused
        stays open, for the algorithm or the next call.
        """
        said: list[str] = []
        for ending in self._unended.unsettled(job, source):
            beside = pack_ending(None, ending.key)
            if self._send_end(job, source, ending.kind, ending.because(reason), beside):
                said.append(ending.key)
        self._unended.settle(job, source, said)

    def end_lane(self, job: str, source: str, reason: Reason) -> None:
        """`end`, and its algorithms will say no more."""
        self.end(job, source, reason)
        self._unended.forget(job, source)

    def end_source(self, source: str) -> None:
        """No frames of it come any more."""
        for job in self._unended.jobs_on(source):
            self.end(job, source, Reason.ENDED)

    def tell_sights(self) -> None:
        """About once a second; those that are refused are told with the next."""
        for job, source, payload in self._unended.sights():
            self._channel.send_raw(pack_output(Output(OutputKind.SIGHTS, job, source, payload)))

    def report(self, report: JobReport) -> None:
        """Send a change of state now, or as soon as main reads again; only the latest of each job counts."""
        self._reports.pop(report.job, None)
        self._reports[report.job] = report
        self.flush()

    def flush(self, *, wait_s: float = 0.0) -> None:
        """Send what waits, and the reports that were refused before."""
        self._send_wishes()
        self._pending.flush(wait_s=wait_s)
        while self._reports:
            job, report = next(iter(self._reports.items()))
            if not self._channel.send(report):
                return
            del self._reports[job]

    def stats(self, stats: JobStats) -> None:
        """Send statistics; those that are refused are worth nothing a second later."""
        self._channel.send(stats)

    def forget(self, job: str) -> None:
        """The job is gone: nothing is reported of it. Its numbers stay."""
        self._reports.pop(job, None)

    def _send_result(self, job: JobSpec, source: str, finding: Finding) -> int:
        """Its seq; 0: it was refused."""
        numbers = self._numbers.get((job.name, source), Numbering())
        numbers = replace(numbers, seq=numbers.seq + 1, track_id=_last_track_id(numbers, finding))
        payload = self._encoded(job.name, source, finding, numbers.seq)
        sent = self._send(
            Output(OutputKind.RESULT, job.name, source, payload, numbers.seq, numbers.track_id, qos=job.qos)
        )
        if sent:
            self._numbers[job.name, source] = numbers
            if job.publish_when == "change":
                self._discrete[job.name, source] = discrete(finding.outcome)
        return numbers.seq if sent else 0

    def _encoded(self, job: str, source: str, finding: Finding, seq: int) -> bytes:
        header = finding.header
        latency = Latency(
            wait_ms=(finding.started_ns - header.captured_ns) / 1e6,
            inference_ms=(finding.ended_ns - finding.started_ns) / 1e6,
            total_ms=(time.monotonic_ns() - header.captured_ns) / 1e6,
        )
        return encode_result(self.origin(job, source), seq, header, latency, finding.outcome)

    def _show(self, job: str, source: str, finding: Finding) -> None:
        """Worth nothing a moment later: it does not wait."""
        payload = self._encoded(job, source, finding, 0)
        self._channel.send_raw(pack_output(Output(OutputKind.SHOWN, job, source, payload)))

    def _is_wanted(self, job: JobSpec, source: str, outcome: Outcome) -> bool:
        return is_wanted(job.publish_when, outcome, self._discrete.get((job.name, source)))

    def _send_counts(self, job: str, source: str, finding: Finding) -> bool:
        counts = count(finding.outcome)
        if self._counts.get((job, source)) == counts:
            return True
        payload = encode_counts(counts, finding.header)
        sent = self._send(Output(OutputKind.COUNTS, job, source, payload, qos=1, retain=True))
        if sent:
            self._counts[job, source] = counts
        return sent

    def _send_event(
        self, job: str, source: str, finding: Finding, kind: str, fields: Mapping[str, Any]
    ) -> bool:
        """Events have numbers of their own: a run may have several, or no result."""
        if self._unended.was_settled(job, source, kind, fields):
            return True
        numbers = self._numbers.get((job, source), Numbering())
        numbers = replace(numbers, event=numbers.event + 1, track_id=_last_track_id(numbers, finding))
        named = {"id": uuid.uuid4().hex, **fields}
        payload = encode_event(self.origin(job, source), numbers.event, finding.header, kind, named)
        pts_us = int(finding.header.pts_us)
        ending = self._unended.beside(kind, fields, pts_us)
        sent = self._number_event(job, source, numbers, payload, ending)
        if sent:
            self._unended.note(job, source, kind, fields, pts_us)
        return sent

    def _send_end(self, job: str, source: str, kind: str, fields: Mapping[str, Any], ending: bytes) -> bool:
        numbers = self._numbers.get((job, source), Numbering())
        numbers = replace(numbers, event=numbers.event + 1)
        payload = encode_end(
            self._device, job, source, self._boot, numbers.event, time.time_ns(), kind, fields
        )
        return self._number_event(job, source, numbers, payload, ending)

    def _number_event(self, job: str, source: str, numbers: Numbering, payload: bytes, ending: bytes) -> bool:
        """Its number is used up only if it was sent."""
        sent = self._send(
            Output(
                OutputKind.EVENT, job, source, payload, numbers.event, numbers.track_id, qos=1, ending=ending
            )
        )
        if sent:
            self._numbers[job, source] = numbers
        return sent

    def _wish(self, job: str, source: str, header: FrameHeader, kind: str) -> bool:
        """Before its event and all that waits: what came before it is kept for seconds only."""
        if len(self._wishes) >= MOST_WISHES:
            return False
        self._wishes.append(ClipWish(job, source, kind, header.captured_ns, header.captured_wall_ns))
        self._send_wishes()
        return True

    def _send_wishes(self) -> None:
        while self._wishes and self._channel.send(self._wishes[0]):
            self._wishes.popleft()

    def _send(self, output: Output) -> bool:
        """Nothing overtakes what waits."""
        packet = pack_output(output)
        if output.qos and not output.retain:
            return self._pending.send(packet)
        return not self._pending and self._channel.send_raw(packet)


def _last_track_id(numbers: Numbering, finding: Finding) -> int:
    """No lower than any that was seen or given out: an algorithm may number its tracks itself."""
    tracked = (detection.track_id or 0 for detection in finding.outcome.detections or ())
    return max(numbers.track_id, finding.track_id, *tracked)
