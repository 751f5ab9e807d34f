"""The twin's record: which desired is new, what becomes of a change, and what is left after a power cut."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from edged.control.twin_record import MAX_ATTEMPTS, Patch, Stage, Standing, TwinRecord
from edged.control.twin_store import decode_record, encode_record
from edged.errors import Problem
from edged.model.twin import Desired, Gate, Phase

FILE_SPEC: dict[str, Any] = {"jobs": {"file": {"algorithm": "motion"}}}
WHY = Problem("spec.jobs.people", "it raised", "algorithm_failed")


def desired(revision: int, name: str = "people", *, keep_local: bool = False) -> Desired:
    spec = {"jobs": {name: {"algorithm": "motion"}}}
    return Desired(revision, spec, f"sha256:{name}", Gate(("jobs", "sources"), 1.5, 30.0), keep_local)


def applied(revision: int) -> TwinRecord:
    return TwinRecord().propose(desired(revision)).try_out().commit()


def test_a_desired_is_compared_with_the_highest_that_was_decided_and_with_the_one_at_work() -> None:
    record = applied(5).propose(desired(8, "eight"))
    assert record.standing(9, "sha256:any") is Standing.NEW
    assert record.standing(8, "sha256:eight") is Standing.AT_WORK
    assert record.standing(8, "sha256:other") is Standing.CONFLICT
    assert record.standing(7, "sha256:any") is Standing.STALE
    assert record.standing(5, "sha256:people") is Standing.AGAIN
    assert record.standing(5, "sha256:other") is Standing.CONFLICT
    assert record.standing(4, "sha256:people") is Standing.STALE
    assert TwinRecord().standing(1, "sha256:any") is Standing.NEW


@pytest.mark.parametrize(
    ("stage", "phase"), [(Stage.PREPARING, Phase.REJECTED), (Stage.TRIAL, Phase.ROLLED_BACK)]
)
def test_what_fails_is_decided_and_leaves_what_ran_before(stage: Stage, phase: Phase) -> None:
    record = applied(5).propose(desired(8, "eight"))
    if stage is Stage.TRIAL:
        record = record.try_out()
    failed = record.fail([WHY])
    assert failed.decided is not None
    assert (failed.decided.revision, failed.decided.phase, failed.decided.errors) == (8, phase, (WHY,))
    assert failed.candidate is None
    assert failed.effective(FILE_SPEC) == applied(5).effective(FILE_SPEC)
    assert failed.standing(8, "sha256:eight") is Standing.AGAIN


def test_a_desired_drops_local_patches_unless_it_says_otherwise() -> None:
    pause = {"jobs": {"people": {"enabled": False}}}
    patched = applied(5).propose(Patch(pause)).try_out().commit()
    assert (patched.revision, patched.local) == (5, 1)
    assert patched.effective(FILE_SPEC)["jobs"]["people"] == {"algorithm": "motion", "enabled": False}
    dropped = patched.propose(desired(6)).try_out().commit()
    assert (dropped.local, dropped.effective(FILE_SPEC)) == (0, desired(6).spec)
    kept = patched.propose(desired(6, keep_local=True)).try_out().commit()
    assert kept.local == 1
    assert kept.effective(FILE_SPEC)["jobs"]["people"]["enabled"] is False


def test_a_patch_is_no_desired_and_changes_nothing_that_was_decided() -> None:
    record = applied(5)
    assert record.propose(Patch({"jobs": None})).try_out().fail([WHY]) == record
    assert record.propose(Patch({"jobs": None})).commit().decided == record.decided
    with pytest.raises(ValueError, match="at work"):
        record.propose(desired(6)).propose(Patch({}))


def test_a_patch_on_the_files_spec_stays_on_it() -> None:
    record = TwinRecord().propose(Patch({"jobs": {"file": {"enabled": False}}})).try_out().commit()
    assert record.revision == 0
    assert record.effective(FILE_SPEC) == {"jobs": {"file": {"algorithm": "motion", "enabled": False}}}
    assert record.effective({"jobs": {"other": {}}})["jobs"].keys() == {"other", "file"}


def test_attempts_are_counted_for_each_stage_and_an_orderly_end_is_none() -> None:
    record = applied(5).propose(desired(8)).again()
    assert record.candidate is not None
    assert record.candidate.attempts == MAX_ATTEMPTS
    tried = record.try_out()
    assert tried.candidate is not None
    assert tried.candidate.attempts == 1
    again = tried.again().try_out()
    assert again.candidate is not None
    assert (again.candidate.stage, again.candidate.attempts) == (Stage.TRIAL, 2)
    assert tried.postpone().again() == tried


@pytest.mark.parametrize("at_work", [False, True])
def test_after_a_reset_a_desired_that_is_still_there_is_not_tried_again(at_work: bool) -> None:
    record = applied(5)
    if at_work:
        record = record.propose(desired(6, "six")).try_out()
    reset = record.reset(WHY)
    assert (reset.revision, reset.local, reset.effective(FILE_SPEC)) == (0, 0, FILE_SPEC)
    assert reset.decided is not None
    assert (reset.decided.phase, reset.decided.errors) == (Phase.ROLLED_BACK, (WHY,))
    assert reset.standing(reset.decided.revision, reset.decided.digest) is Standing.AGAIN
    assert reset.standing(reset.decided.revision, "sha256:other") is Standing.CONFLICT
    assert reset.standing(7, "sha256:any") is Standing.NEW


def test_a_reset_ends_what_the_highest_revision_of_all_would_wedge_for_ever() -> None:
    wedged = applied(5).refuse(2**53 - 1, "sha256:evil", [WHY])
    assert wedged.standing(2**53 - 2, "sha256:any") is Standing.STALE
    reset = decode_record(encode_record(wedged.reset(WHY)))
    assert reset.highest is None
    assert reset.standing(2**53 - 1, "sha256:evil") is Standing.AGAIN
    assert reset.standing(1, "sha256:any") is Standing.NEW
    anew = reset.propose(desired(1, "one")).try_out().commit()
    assert (anew.highest, anew.standing(1, "sha256:another")) == (1, Standing.CONFLICT)


def test_transitions_that_make_no_sense_raise() -> None:
    for transition in (TwinRecord.try_out, TwinRecord.commit, TwinRecord.again, TwinRecord.postpone):
        with pytest.raises(ValueError, match="no change"):
            transition(applied(5))
    with pytest.raises(ValueError, match="not newer"):
        applied(5).propose(desired(5, "other"))
    with pytest.raises(ValueError, match="not newer"):
        applied(5).refuse(4, "sha256:x", [WHY])


@given(st.dictionaries(st.text(), st.text() | st.integers() | st.floats(-1e300, 1e300) | st.none()))
def test_what_was_written_is_read_again(spec: dict[str, Any]) -> None:
    wanted = Desired(8, spec, "sha256:8", Gate(("sources",), 2.5, 10.0), keep_local=True)
    record = applied(5).propose(Patch(spec)).commit().propose(wanted).try_out()
    assert decode_record(encode_record(record)) == record
    assert decode_record(encode_record(record.fail([WHY]))) == record.fail([WHY])
    assert decode_record(encode_record(applied(5).propose(Patch(spec)))) == applied(5).propose(Patch(spec))


@given(st.binary(max_size=40), st.integers(0, 4000), st.integers(0, 255))
def test_whatever_is_damaged_is_refused_and_never_taken_for_something_else(
    rubbish: bytes, place: int, byte: int
) -> None:
    with pytest.raises(ValueError, match=r"damaged|version"):
        decode_record(rubbish)
    content = bytearray(encode_record(applied(5).propose(desired(8)).try_out()))
    content[place % len(content)] = byte
    try:
        found = decode_record(bytes(content))
    except ValueError:
        return
    assert found == applied(5).propose(desired(8)).try_out()


class Crashes(RuleBasedStateMachine):
    """Whatever happens, and whenever the power is cut: what was decided stays so, and nothing hangs."""

    def __init__(self) -> None:
        super().__init__()
        self.record = TwinRecord()
        self.highest = 0
        self.worked = FILE_SPEC
        self.cuts = 0

    @rule(step=st.integers(1, 3), keep_local=st.booleans())
    def a_newer_desired(self, step: int, keep_local: bool) -> None:
        at_work = self.record.candidate.wanted if self.record.candidate is not None else None
        newest = at_work.revision if isinstance(at_work, Desired) else self.highest
        self.record = self.record.propose(desired(newest + step, f"r{newest + step}", keep_local=keep_local))
        self.cuts = 0

    @precondition(lambda self: self.record.candidate is None)
    @rule(enabled=st.booleans())
    def a_patch(self, enabled: bool) -> None:
        self.record = self.record.propose(Patch({"jobs": {"file": {"enabled": enabled}}}))
        self.cuts = 0

    @precondition(lambda self: self.record.candidate is not None)
    @rule(well=st.booleans())
    def its_trial(self, well: bool) -> None:
        self.record = self.record.try_out()
        self.record = self.record.commit() if well else self.record.fail([WHY])
        if well:
            self.worked = self.record.effective(FILE_SPEC)

    @precondition(lambda self: self.record.candidate is not None)
    @rule(in_trial=st.booleans())
    def a_power_cut(self, in_trial: bool) -> None:
        before = self.record.candidate
        self.record = decode_record(encode_record(self.record.try_out() if in_trial else self.record))
        candidate = self.record.candidate
        assert candidate is not None
        self.cuts = self.cuts + 1 if before is not None and before.stage is candidate.stage else 1
        if candidate.attempts >= MAX_ATTEMPTS:
            assert self.cuts == MAX_ATTEMPTS
            self.record = self.record.fail([WHY])
        else:
            self.record = self.record.again()

    @invariant()
    def what_was_decided_stays_decided(self) -> None:
        decided = self.record.decided.revision if self.record.decided is not None else 0
        assert decided >= self.highest
        self.highest = decided
        assert self.record.revision <= decided

    @invariant()
    def it_starts_from_what_last_worked(self) -> None:
        assert self.record.effective(FILE_SPEC) == self.worked


TestCrashes = Crashes.TestCase
