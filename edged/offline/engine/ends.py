"""What events of a video began and none ended by its end: told as by a worker that is stopped."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from dataclasses import replace

from edged.errors import AlgorithmError, SourceUnavailable, SourceUnsupported
from edged.model.detection import Outcome
from edged.model.ending import Ending, Reason
from edged.model.messages import Numbering
from edged.offline.engine.concluding import Concluded
from edged.offline.engine.result import Result, make_event, make_result
from edged.worker.encoding import Origin
from edged.worker.unended import Unended


class Ends:
    """Of one video; `follow` it once."""

    def __init__(self, device: str, after: Mapping[str, Numbering]) -> None:
        """``after``: by job, the numbers that were given out already."""
        self._device = device
        self._events = {job: given.event for job, given in after.items()}
        """By job: the number of its last event."""
        self._newest: dict[str, Concluded] = {}
        self._unended = Unended()

    def follow(self, runs: Iterable[Concluded]) -> Generator[Result]:
        """The results that are told; behind them, of each job that began what nobody will see end, one more
        for its events, on the frame of its last run. So they come also before the error of a video that
        breaks off; whoever closes this has them not.

        Raises what ``runs`` does.
        """
        broken: Exception | None = None
        try:
            for run in runs:
                self._note(run)
                if run.is_told:
                    yield run.result
        except (SourceUnavailable, SourceUnsupported, AlgorithmError) as error:
            broken = error
        yield from self._last()
        if broken is not None:
            raise broken

    def _note(self, run: Concluded) -> None:
        result, pts_us = run.result, int(run.partial.header.pts_us)
        self._newest[result.job] = run
        for event in result.events:
            self._events[result.job] = event.seq
            self._unended.note(result.job, result.source, event.type, event.fields, pts_us)
        self._unended.see(result.job, result.source, result.detections or (), pts_us)

    def _last(self) -> Generator[Result]:
        for run in sorted(self._newest.values(), key=lambda run: run.partial.job):
            endings = self._unended.unsettled(run.result.job, run.result.source)
            if endings:
                yield self._ended(run, endings)

    def _ended(self, run: Concluded, endings: Iterable[Ending]) -> Result:
        """Nothing is found on it, and what is counted stands as it was."""
        result, header = run.result, run.partial.header
        origin = Origin(self._device, result.job, result.source, "")
        first = self._events.get(result.job, 0) + 1
        events = tuple(
            make_event(origin, seq, header, (ending.kind, ending.because(Reason.ENDED)))
            for seq, ending in enumerate(endings, first)
        )
        found = Outcome(None if result.detections is None else ())
        last = make_result(origin, result.payload_seq, header, found, events, wanted=False)
        return replace(last, counts=result.counts)
