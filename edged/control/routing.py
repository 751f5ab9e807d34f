"""Where what workers make goes: a table lookup, for main does not parse.

It also remembers the numbers that were given out, so that they go on in whichever worker comes next.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import replace

from edged.control.job import JobRecord
from edged.control.publisher import Publisher
from edged.control.status import Statuses
from edged.control.unended import Owner, Unended
from edged.model.ending import Ending, Reason, encode_end
from edged.model.messages import Numbering
from edged.model.output import Output, OutputKind, renumbered
from edged.mqtt.message import Worth
from edged.mqtt.topics import Topics


class Router:
    """Asks ``find`` for the job of an output; None when it is gone."""

    def __init__(
        self,
        publisher: Publisher,
        topics: Topics,
        statuses: Statuses,
        find: Callable[[str], JobRecord | None],
        boot: str = "",
    ) -> None:
        self.results = 0
        self.on_snapshot: Callable[[Output], None] | None = None
        """Takes pictures instead of their topic."""
        self.on_seen: Callable[[Output], None] = lambda output: None
        """Takes results and counts besides their topic, and what has none, of what is in a spec."""
        self._publisher = publisher
        self._topics = topics
        self._statuses = statuses
        self._find = find
        self._boot = boot
        self._unended = Unended()
        self._topic_of: dict[tuple[OutputKind, str, str], str] = {}
        self._left_off: dict[str, dict[str, Numbering]] = {}
        """By job that is gone: the last numbers it gave out."""

    def numbers_of(self, job: str) -> dict[str, Numbering]:
        """Where a job that comes, perhaps once more in this boot, goes on."""
        return self._left_off.pop(job, {})

    def forget(self, job: JobRecord) -> None:
        """It is gone; should it come back in this boot, its numbers go on."""
        self._left_off[job.name] = job.numbering
        self._topic_of = {key: topic for key, topic in self._topic_of.items() if key[1] != job.name}

    def worker_died(self, worker: str, goes_on: Callable[[str], bool]) -> None:
        """Say the end of all that its events began; ``goes_on``: whether another worker runs that job."""
        for owner, ending in self._unended.take(lambda owner: owner.worker == worker):
            self._end(owner, ending, Reason.RESTARTED if goes_on(owner.job) else Reason.ENDED)

    def job_moves(self, job: str, worker: str, sources: Collection[str]) -> None:
        """It is another worker's from now on, on ``sources``: what any other says of it is not heard."""
        for owner, ending in self._unended.take(lambda owner: owner.job == job and owner.worker != worker):
            self._end(owner, ending, Reason.RESTARTED if owner.source in sources else Reason.ENDED)

    def say_event(self, name: str, source: str, encode: Callable[[int], bytes]) -> None:
        """One of main's own takes the next number; those of workers go on after it."""
        job = self._find(name)
        numbering = job.numbering if job is not None else self._left_off.setdefault(name, {})
        numbers = numbering.get(source, Numbering())
        numbers = numbering[source] = replace(numbers, mains=numbers.mains + 1)
        payload = encode(numbers.event + numbers.mains)
        self._publisher.publish(self._topics.event(name, source), payload, 1, Worth.EVENT)

    def route(self, worker: str, output: Output) -> None:
        job = self._find(output.job)
        if job is not None and job.plan.worker != worker:
            return  # it has another worker now, which gives these numbers out again
        if output.kind is OutputKind.SNAPSHOT:
            self._picture(output)
        elif "." in output.job:
            return  # a temporary job's: nobody asked for that
        elif output.kind is OutputKind.COUNTS:
            # those of what is gone were cleared; the broker would keep them
            if job is not None and output.source in job.plan.spec.sources:
                numbers = job.numbering.get(output.source, Numbering())
                job.numbering[output.source] = replace(numbers, counts=output.payload.decode())
                self._statuses.counts(output.job, output.source, output.payload)
                self.on_seen(output)
        elif output.kind in (OutputKind.SHOWN, OutputKind.DECAL):
            self.on_seen(output)
        elif output.kind is OutputKind.SIGHTS:
            self._unended.saw(worker, output)
        elif output.kind in (OutputKind.IMAGE, OutputKind.CROP):
            if job is not None and output.source in job.plan.spec.sources:
                self._publisher.publish(self._topic(output), output.payload, output.qos)
        else:
            self._unended.note(worker, output)
            self._say(job, output)

    def _say(self, job: JobRecord | None, output: Output) -> None:
        """A result or an event."""
        mains = self._number(job, output)
        is_event = output.kind is OutputKind.EVENT
        if is_event and mains:
            seq = output.seq + mains
            output = replace(output, payload=renumbered(output.payload, seq), seq=seq)
        worth = Worth.EVENT if is_event else Worth.RESULT
        self._publisher.publish(self._topic(output), output.payload, output.qos, worth)
        self.results += not is_event
        self.on_seen(output)

    def _end(self, owner: Owner, ending: Ending, reason: Reason) -> None:
        """In place of its worker."""
        job, name, source = self._find(owner.job), owner.job, owner.source
        numbering = job.numbering if job is not None else self._left_off.get(name, {})
        numbers = numbering.get(source, Numbering())
        seq, fields = numbers.event + 1, ending.because(reason)
        device, now_ns = self._topics.device, time.time_ns()
        payload = encode_end(device, name, source, self._boot, seq, now_ns, ending.kind, fields)
        self._say(job, Output(OutputKind.EVENT, name, source, payload, seq, numbers.track_id, qos=1))

    def _number(self, job: JobRecord | None, output: Output) -> int:
        """How many events main said itself. Also of a job that just went: a number that was used up and not
        heard would be a gap.
        """
        numbering = job.numbering if job is not None else self._left_off.setdefault(output.job, {})
        numbers = numbering.get(output.source, Numbering())
        track_id = max(numbers.track_id, output.track_id)
        if output.kind is OutputKind.EVENT:
            numbering[output.source] = replace(numbers, event=output.seq, track_id=track_id)
        else:
            numbering[output.source] = replace(numbers, seq=output.seq, track_id=track_id)
        return numbers.mains

    def _picture(self, output: Output) -> None:
        if self.on_snapshot is not None:
            self.on_snapshot(output)
        else:
            self._publisher.publish(self._topics.snapshot(output.source), output.payload, output.qos)

    def _topic(self, output: Output) -> str:
        key = (output.kind, output.job, output.source)
        topic = self._topic_of.get(key)
        if topic is None:
            topic = self._topic_of[key] = self._make_topic(output)
        return topic

    def _make_topic(self, output: Output) -> str:
        match output.kind:
            case OutputKind.IMAGE:
                return self._topics.snapshot(output.source)
            case OutputKind.CROP:
                return self._topics.crop(output.job, output.source)
            case OutputKind.EVENT:
                return self._topics.event(output.job, output.source)
        return self._topics.result(output.job, output.source)
