"""``…/reported``: what runs, and what became of the last desired."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace

from edged.control.model_desk import Progress
from edged.control.publisher import Publisher
from edged.control.trial import Understood
from edged.control.twin_record import Candidate, Decided, Stage, TwinRecord
from edged.errors import Problem
from edged.model.twin import Desired, Fetched, Phase, Reported
from edged.mqtt.codec import reported_payload
from edged.mqtt.topics import Topics

_PROGRESS_EVERY_S = 2.0
_PHASES = {Stage.PREPARING: Phase.PREPARING, Stage.TRIAL: Phase.TRIAL}

_Verdict = tuple[Phase, int | None, str, tuple[Problem, ...]]


class TwinReport:
    """Retains it; ``since`` stays while nothing else changes."""

    def __init__(self, publisher: Publisher, topics: Topics, boot: str) -> None:
        self._publisher = publisher
        self._topics = topics
        self._last = Reported(0, 0, boot, 0)
        self._progress_s = float("-inf")
        self._refused: _Verdict | None = None
        """What was told last, where the record knows nothing of it."""

    def tell(self, record: TwinRecord, running: Understood, notices: Sequence[Problem] = ()) -> None:
        """How things stand; ``notices`` are what somebody should see to, whatever became of the desired."""
        self._refused = None
        self._note_highest(record)
        about = _subject(record)
        errors = [*(about.errors if isinstance(about, Decided) else ()), *notices]
        match about:
            case Candidate(wanted=Desired() as desired, stage=stage):
                self._retain(running, _PHASES[stage], desired.revision, desired.digest, errors)
            case Decided() as decided:
                self._retain(running, decided.phase, decided.revision, decided.digest, errors)
            case _:
                self._retain(running, None, None, "", errors)

    def tell_of(
        self,
        record: TwinRecord,
        running: Understood,
        phase: Phase,
        revision: int | None,
        digest: str,
        errors: Iterable[Problem] = (),
    ) -> None:
        """What became of one that leaves no trace on the disk: stale, superseded, unreadable."""
        self._refused = (phase, revision, digest, tuple(errors))
        self._note_highest(record)
        self._retain(running, *self._refused)

    def tell_anew(self, record: TwinRecord, running: Understood, notices: Sequence[Problem] = ()) -> None:
        """After a patch: what became of the last desired, refused ones included, is as it was."""
        if self._refused is None:
            self.tell(record, running, notices)
        else:
            self._note_highest(record)
            self._retain(running, *self._refused)

    def progress(self, progress: Progress) -> None:
        """How far the models are that the desired at work brings along; told every few seconds at most."""
        now_s = time.monotonic()
        if self._last.phase is Phase.PREPARING and now_s - self._progress_s >= _PROGRESS_EVERY_S:
            self._progress_s = now_s
            fetched = {
                name: Fetched(report.received, report.total, report.error)
                for name, report in progress.reports.items()
            }
            self._last = replace(self._last, progress=fetched)
            self._publisher.retain(self._topics.reported, reported_payload(self._last), again=True)

    def _note_highest(self, record: TwinRecord) -> None:
        self._last = replace(self._last, highest_revision=record.highest)

    def _retain(
        self,
        running: Understood,
        phase: Phase | None,
        revision: int | None,
        digest: str,
        errors: Iterable[Problem],
    ) -> None:
        reported = replace(
            self._last,
            revision=running.revision,
            local=running.local,
            phase=phase,
            desired_revision=revision,
            digest=digest,
            errors=tuple(errors),
            progress={},
        )
        if reported != self._last or not self._last.since_ns:
            reported = replace(reported, since_ns=time.time_ns())
        self._last = reported
        self._publisher.retain(self._topics.reported, reported_payload(reported), again=True)


def _subject(record: TwinRecord) -> Candidate | Decided | None:
    """The desired at work, else the last one that was decided."""
    candidate = record.candidate
    if candidate is not None and isinstance(candidate.wanted, Desired):
        return candidate
    return record.decided
