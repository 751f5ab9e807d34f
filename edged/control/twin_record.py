"""What the twin keeps on disk, and how one state of it becomes the next: pure.

Each transition gives the record that has to be on the disk before what it stands for takes effect, or is
acknowledged. Whatever was written last is enough to go on from, whenever the power is cut.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, StrEnum, auto
from typing import Any

from edged.errors import Problem
from edged.model.patching import merge
from edged.model.twin import Desired, Phase

MAX_ATTEMPTS = 2
"""A change that a crash interrupted is tried once more."""
MOST_ERRORS = 100
"""Kept of what was wrong with one desired."""


class Stage(StrEnum):
    """How far a change got."""

    PREPARING = "preparing"
    """It has had no effect."""
    TRIAL = "trial"
    """It runs, or is about to."""


class Standing(Enum):
    """How a desired compares with what was decided, and with what is at work."""

    NEW = auto()
    AGAIN = auto()
    """It was decided before."""
    AT_WORK = auto()
    STALE = auto()
    CONFLICT = auto()


@dataclass(frozen=True, slots=True)
class Applied:
    """The desired that the device starts from."""

    revision: int
    digest: str
    spec: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Decided:
    """What became of the highest revision that ever was decided, or that was when the device was reset."""

    revision: int
    digest: str
    phase: Phase
    errors: tuple[Problem, ...] = ()
    is_reset: bool = False
    """Somebody at the device put it back since: another revision may be lower. Else one message with the
    highest number there is would keep the fleet out for ever."""


@dataclass(frozen=True, slots=True)
class Patch:
    """A change of the overlay by a command."""

    overlay: Mapping[str, Any] = field(repr=False)
    """As it would be with it: one merge patch for all."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A change at work."""

    wanted: Desired | Patch
    stage: Stage = Stage.PREPARING
    attempts: int = 1
    """Of this stage, this one included."""


@dataclass(frozen=True, slots=True)
class TwinRecord:
    """All that has to outlive the daemon."""

    applied: Applied | None = None
    """None: the file's spec, revision 0."""
    overlay: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """A merge patch on top of it."""
    local: int = 0
    """How many patches the overlay is made of."""
    decided: Decided | None = None
    candidate: Candidate | None = None

    @property
    def revision(self) -> int:
        return self.applied.revision if self.applied is not None else 0

    @property
    def highest(self) -> int | None:
        """The revision that a new one has to be above; None: any will do."""
        return None if self.decided is None or self.decided.is_reset else self.decided.revision

    def effective(self, file_spec: Mapping[str, Any]) -> dict[str, Any]:
        """The spec to run: what was applied, or the file's, and the overlay on top."""
        base = self.applied.spec if self.applied is not None else file_spec
        return dict(merge(base, self.overlay))

    # ---- a desired comes ----

    def standing(self, revision: int, digest: str) -> Standing:
        """Rule 1: by the highest revision that is decided or at work."""
        at_work = self.candidate.wanted if self.candidate is not None else None
        for known, standing in ((self.decided, Standing.AGAIN), (at_work, Standing.AT_WORK)):
            if isinstance(known, (Decided, Desired)) and revision == known.revision:
                return standing if digest == known.digest else Standing.CONFLICT
        highest = max(self.highest or 0, at_work.revision if isinstance(at_work, Desired) else 0)
        return Standing.NEW if revision > highest else Standing.STALE

    def refuse(self, revision: int, digest: str, errors: Sequence[Problem]) -> TwinRecord:
        """One whose envelope is wrong is decided at once; like any newer one it ends what is at work."""
        self._check_newer(revision)
        decided = Decided(revision, digest, Phase.REJECTED, tuple(errors[:MOST_ERRORS]))
        return replace(self.without_candidate(), decided=decided)

    # ---- a change goes its way ----

    def propose(self, wanted: Desired | Patch) -> TwinRecord:
        """A change begins; a desired takes the place of whatever is at work, a patch waits for its turn."""
        if isinstance(wanted, Desired):
            self._check_newer(wanted.revision)
        elif self.candidate is not None:
            raise ValueError("a patch cannot begin while a change is at work")
        return replace(self.without_candidate(), candidate=Candidate(wanted))

    def try_out(self) -> TwinRecord:
        """It is about to run, for the first time or once more."""
        at_work = self._at_work
        if at_work.stage is Stage.TRIAL:
            return self
        return replace(self, candidate=Candidate(at_work.wanted, Stage.TRIAL))

    def again(self) -> TwinRecord:
        """The daemon died of, or during, the last attempt: this is one more."""
        at_work = self._at_work
        return replace(self, candidate=replace(at_work, attempts=at_work.attempts + 1))

    def postpone(self) -> TwinRecord:
        """The daemon ends in order: an attempt that it gives up itself does not count."""
        at_work = self._at_work
        return replace(self, candidate=replace(at_work, attempts=at_work.attempts - 1))

    def commit(self) -> TwinRecord:
        """From now on the device starts from it."""
        wanted = self._at_work.wanted
        if isinstance(wanted, Patch):
            return replace(self, overlay=wanted.overlay, local=self.local + 1, candidate=None)
        applied = Applied(wanted.revision, wanted.digest, wanted.spec)
        decided = Decided(wanted.revision, wanted.digest, Phase.APPLIED)
        committed = replace(self, applied=applied, decided=decided, candidate=None)
        return committed if wanted.keep_local else committed.without_overlay()

    def fail(self, errors: Sequence[Problem]) -> TwinRecord:
        """It is not to be: a desired is rejected if it never ran, rolled back if it did."""
        at_work = self._at_work
        wanted = at_work.wanted
        if isinstance(wanted, Patch):
            return self.without_candidate()
        phase = Phase.REJECTED if at_work.stage is Stage.PREPARING else Phase.ROLLED_BACK
        decided = Decided(wanted.revision, wanted.digest, phase, tuple(errors[:MOST_ERRORS]))
        return replace(self, decided=decided, candidate=None)

    # ---- going back ----

    def without_candidate(self) -> TwinRecord:
        """What was at work is forgotten: superseded, or given up by whoever wanted it."""
        return replace(self, candidate=None)

    def without_overlay(self) -> TwinRecord:
        return replace(self, overlay={}, local=0)

    def reset(self, why: Problem) -> TwinRecord:
        """Back to the file's spec, and revisions are counted anew.

        A desired that is still on the broker stays decided: not tried again.
        """
        decided = self.decided
        at_work = self.candidate.wanted if self.candidate is not None else None
        if isinstance(at_work, Desired):
            decided = Decided(at_work.revision, at_work.digest, Phase.ROLLED_BACK, (why,))
        elif decided is not None and self.applied is not None and decided.revision == self.applied.revision:
            decided = replace(decided, phase=Phase.ROLLED_BACK, errors=(why,))
        return TwinRecord(decided=decided and replace(decided, is_reset=True))

    @property
    def _at_work(self) -> Candidate:
        if self.candidate is None:
            raise ValueError("no change is at work")
        return self.candidate

    def _check_newer(self, revision: int) -> None:
        if self.standing(revision, "") is not Standing.NEW:
            raise ValueError(f"revision {revision} is not newer than what is known")
