"""The outbox on the disk against a model: any order of messages, acknowledgements, lost connections, commits,
refusals of the disk, crashes.

The file is a real one. Only the database's thread is taken away, so that a test decides when a commit
happens, and when the loop hears of it: every order of these can come about, and comes about again.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from edged.errors import StorageError
from edged.mqtt.durable import OUTBOX_SCHEMA
from edged.mqtt.durable_owed import size_of
from edged.mqtt.message import Worth
from edged.mqtt.outbox import Entry
from edged.storage.database_file import DatabaseFile
from edged.storage.keeper import Keeper, Outcome
from tests.unit.mqtt.durable_rig import DurableRig, message, number_of

LIMIT_BYTES = 1200 * size_of(message(0))
_BURSTS = st.lists(
    st.tuples(st.sampled_from(Worth), st.sampled_from([300, 40, 3, 1]), st.sampled_from([20, 200, 5000])),
    min_size=1,
    max_size=3,
)
Work = Callable[[sqlite3.Connection], None]
OnDone = Callable[[StorageError | None], None]


class SteppedDatabase:
    """As much of `Database` as an outbox uses, without the thread."""

    def __init__(self, path: Path) -> None:
        self.set_aside = 0
        self.was_refused_first = False
        self._file = DatabaseFile(path, OUTBOX_SCHEMA, ())
        self._keeper = Keeper(self._file)
        self._commits = 0
        self._asked: list[tuple[Work, OnDone | None]] = []
        self._committed: list[tuple[OnDone | None, Outcome]] = []

    @property
    def is_busy(self) -> bool:
        return bool(self._asked or self._committed)

    def start(self) -> None:
        self._keeper.run([], 0.0)

    def write_later(self, work: Work, on_done: OnDone | None = None, *, within_s: float = 0.0) -> None:
        self._asked.append((work, on_done))

    def commit(self) -> None:
        asked, self._asked = self._asked, []
        self._commits += 1
        outcomes = self._keeper.run([work for work, _ in asked], 0.0)
        assert all(outcome.error is None for outcome in outcomes)
        self._committed += zip([on_done for _, on_done in asked], outcomes, strict=True)

    def refuse(self, *, at_commit: bool) -> None:
        """Not even tried, or done but for the commit."""
        asked, self._asked = self._asked, []
        if at_commit:
            connection = self._file.open()
            connection.execute("BEGIN")
            for work, _ in asked:
                work(connection)
            connection.execute("ROLLBACK")
        self.was_refused_first |= not self._commits
        self._committed += [(on_done, Outcome(error=StorageError("full"))) for _, on_done in asked]

    def tell(self) -> None:
        committed, self._committed = self._committed, []
        for on_done, outcome in committed:
            if on_done is not None:
                on_done(outcome.error)

    def close(self) -> None:
        self._keeper.close()


class SteppedRig(DurableRig):
    database: SteppedDatabase

    def make_database(self) -> SteppedDatabase:
        return SteppedDatabase(self.path)

    def tell(self) -> None:
        async def tell() -> None:
            self.database.tell()

        self.loop.run_until_complete(tell())
        for _ in range(3):
            self.loop.run_until_complete(asyncio.sleep(0))  # what is tried again at once

    def settle(self) -> None:
        while self.database.is_busy:
            self.database.commit()
            self.tell()

    def drain(self) -> list[int]:
        """Everything is sent before anything is acknowledged."""
        entries = []
        while self.outbox.depth:
            entry = self.send()
            if entry is None:
                self.settle()
            else:
                entries.append(entry)
        for entry in entries:
            self.ack(entry)
        self.settle()
        return [number_of(entry) for entry in entries]

    def close(self) -> None:
        self.database.close()
        self.loop.close()


class Life(RuleBasedStateMachine):
    """``owed`` is what must come, by worth and oldest first; the rest of the model is about crashes."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.runs = 0
        self.owed: dict[Worth, list[int]] = {worth: [] for worth in Worth}
        self.dropped = dict.fromkeys(Worth, 0)
        self.guessed: dict[Worth, list[int]] = {worth: [] for worth in Worth}
        """What `notice_drops` took for dropped in this run."""
        self.flying: list[Entry] = []
        self.worths: dict[int, Worth] = {}
        self.settled: set[int] = set()
        """Was owed when the disk was last up to date."""
        self.since: set[int] = set()
        """Appended since."""
        self.is_unsure = False
        """A connection went while the disk was at work: what it has dropped or will is counted later, and
        nobody knows whether that was the oldest before or after what had been in flight came back."""
        self.retries = patch("edged.mqtt.durable_shelf.RETRY_S", 0.0)
        self.retries.start()

    @initialize()
    def begin(self) -> None:
        self.rig = SteppedRig(self.folder / "0", LIMIT_BYTES)

    @rule(bursts=_BURSTS)
    def append(self, bursts: list[tuple[Worth, int, int]]) -> None:
        for worth, count, size in bursts:
            numbers = range(len(self.worths), len(self.worths) + count)
            self.worths.update(dict.fromkeys(numbers, worth))
            self.since.update(numbers)
            self.owed[worth] += numbers
            self.rig.append(*(message(number, worth, size) for number in numbers))
            self.notice_drops()

    @rule()
    def commit(self) -> None:
        self.rig.database.commit()

    @rule(at_commit=st.booleans(), is_told=st.booleans())
    def refuse(self, at_commit: bool, is_told: bool) -> None:
        self.rig.database.refuse(at_commit=at_commit)
        if self.rig.database.was_refused_first:
            self.take_guesses_back()
        if is_told:
            self.tell()

    @rule()
    def tell(self) -> None:
        self.rig.tell()
        self.notice_drops()

    @rule()
    def settle(self) -> None:
        self.rig.settle()
        self.notice_drops()
        self.is_unsure = False
        assert self.rig.outbox.bytes <= LIMIT_BYTES + sum(size_of(entry.message) for entry in self.flying)
        self.settled, self.since = self.on_the_disk(self.rig.path), set()
        self.learn_drops(self.settled)
        assert set(self.all_owed()) == self.settled

    @rule(count=st.sampled_from([300, 20, 1]))
    def send(self, count: int) -> None:
        for _ in range(count):
            entry = self.rig.send()
            if entry is None:
                break
            waiting = set(self.all_owed()) - {number_of(one) for one in self.flying}
            self.flying.append(entry)
            assert number_of(entry) in waiting
            if self.knows_the_oldest:
                assert number_of(entry) == min(waiting)

    @precondition(lambda self: self.flying)
    @rule(data=st.data(), count=st.sampled_from([1, 100]))
    def acknowledge(self, data: st.DataObject, count: int) -> None:
        first = data.draw(st.integers(0, len(self.flying) - 1))
        for entry in self.flying[first : first + count]:
            self.rig.ack(entry)
            self.owed[entry.message.worth].remove(number_of(entry))
        del self.flying[first : first + count]

    @rule()
    def lose_the_connection(self) -> None:
        self.is_unsure |= self.rig.database.is_busy
        self.flying.clear()
        self.rig.rewind()
        self.notice_drops()

    @rule()
    def crash(self) -> None:
        """The machine is off; what is on the disk now is all there is."""
        self.runs += 1
        shutil.copytree(self.rig.path.parent, self.folder / str(self.runs))
        found = self.on_the_disk(self.folder / str(self.runs) / "edged.db")
        if self.knows_the_oldest:
            self.missing_are_the_oldest(found)
        assert found <= self.settled | self.since, "something came back that was done with"
        self.rig.close()
        self.is_unsure = False
        self.flying.clear()
        self.owed = {worth: sorted(n for n in found if self.worths[n] is worth) for worth in Worth}
        self.dropped = dict.fromkeys(Worth, 0)
        self.guessed = {worth: [] for worth in Worth}
        self.settled, self.since = found, set()
        self.rig = SteppedRig(self.folder / str(self.runs), LIMIT_BYTES)

    @property
    def knows_the_oldest(self) -> bool:
        """Where the disk refused before anything was known, rows of an earlier run are found later."""
        return not (self.is_unsure or self.rig.database.was_refused_first)

    def missing_are_the_oldest(self, found: set[int]) -> None:
        """What was on the disk is lost only if it was dropped there and nobody heard of it any more."""
        flying = {number_of(entry) for entry in self.flying}
        for numbers in self.owed.values():
            had = [number for number in numbers if number in self.settled]
            missing = [number for number in had if number not in found]
            assert not flying & set(missing)
            assert missing == [number for number in had if number not in flying][: len(missing)]

    def all_owed(self) -> list[int]:
        return sorted(number for numbers in self.owed.values() for number in numbers)

    def on_the_disk(self, path: Path) -> set[int]:
        copy = self.folder / "copy"
        shutil.copytree(path.parent, copy)
        connection = sqlite3.connect(copy / path.name)
        try:
            return {int(payload) for (payload,) in connection.execute("SELECT payload FROM outbox")}
        finally:
            connection.close()
            shutil.rmtree(copy)

    def notice_drops(self) -> None:
        """The oldest of their worth went, none in flight. If older ones may be found, nobody knows which."""
        if not self.knows_the_oldest:
            return
        flying = {number_of(entry) for entry in self.flying}
        for worth, count in self.rig.outbox.drops.items():
            rest = [number for number in self.owed[worth] if number not in flying]
            gone = set(rest[: count - self.dropped[worth]])
            self.guessed[worth] += gone
            self.owed[worth] = [number for number in self.owed[worth] if number not in gone]
            self.dropped[worth] = count

    def take_guesses_back(self) -> None:
        """Rows of an earlier run, which nobody knew of, may have stayed, and newer ones gone."""
        for worth, numbers in self.guessed.items():
            self.owed[worth] = sorted([*self.owed[worth], *numbers])
            self.dropped[worth] -= len(numbers)
            numbers.clear()

    def learn_drops(self, found: set[int]) -> None:
        """What went while nobody knew what there was: as many as were counted."""
        for worth, count in self.rig.outbox.drops.items():
            gone = set(self.owed[worth]) - found
            assert len(gone) == count - self.dropped[worth]
            self.owed[worth] = [number for number in self.owed[worth] if number not in gone]
            self.dropped[worth] = count

    @invariant()
    def what_is_owed_is_known(self) -> None:
        outbox = getattr(self, "rig", None) and self.rig.outbox
        if outbox and outbox.peek() is not None:  # else the rows of an earlier run may not be counted yet
            assert outbox.depth + len(self.flying) <= len(self.all_owed())

    def teardown(self) -> None:
        try:
            self.lose_the_connection()
            self.settle()
            owed = self.all_owed()
            drained = self.rig.drain()
            # rows of an earlier run that were found late come behind what was in flight by then
            assert (sorted(drained) if self.rig.database.was_refused_first else drained) == owed
            assert (self.rig.outbox.depth, self.rig.outbox.bytes) == (0, 0)
            assert self.on_the_disk(self.rig.path) == set()
        finally:
            self.rig.close()
            self.retries.stop()
            shutil.rmtree(self.folder)


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
