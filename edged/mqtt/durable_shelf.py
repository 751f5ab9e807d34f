"""What of the outbox lies behind the few messages in hand: on the disk, and in a tail not yet written.

By age: in hand, then on the disk alone, then the tail. Only one batch is written at a time, so that what is
on the disk is always older than what is not; and only one errand (a page read, rows dropped) is under way.
What fails is tried again after `RETRY_S`; whether the disk is tried at all then, the database decides.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Collection, Iterable
from itertools import islice
from typing import Protocol, TypeVar

from edged.errors import StorageError
from edged.mqtt.durable_owed import InOrder, Owed, first_bytes
from edged.mqtt.durable_rows import (
    Amount,
    Page,
    Span,
    apply_batch,
    count_rows,
    delete_oldest,
    newest_row,
    read_page,
)
from edged.mqtt.durable_unwritten import Unwritten
from edged.mqtt.message import Worth
from edged.storage.database import GROUP_S, Database

RETRY_S = 1.0
REMOVE_S = 2.0
"""Rows that are owed no longer go with the next rows that come, or after so long; until then a crash only
means that they are sent twice."""
T = TypeVar("T")


class Hand(Protocol):
    """Who holds the messages in hand."""

    def in_hand(self) -> Iterable[Owed]:
        """All that is in memory and not in the tail."""

    def on_stock(self) -> None:
        """It is known now what is on the disk, or that it cannot be known."""

    def on_page(self, page: list[Owed]) -> None:
        """The oldest that were on the disk alone; they are in hand now."""

    def on_gone(self, gone: Amount) -> None:
        """Rows that were dropped on the disk, or that it lost."""

    def on_calm(self) -> None:
        """Something was done, or it is time to try again what could not be done."""


class Shelf:
    """Used from the loop's thread."""

    def __init__(self, database: Database, hand: Hand) -> None:
        self._database = database
        self._hand = hand
        self.unwritten = Unwritten()
        self.tail = InOrder()
        self.stored = Amount()
        """On the disk alone."""
        self._is_known = self._is_given_up = False
        self._base = 0
        """The row of id 0: the newest of an earlier run."""
        self._paged_to = self._stored_to = 0
        """Rows: up to the first all are in hand or gone, up to the second all are on the disk."""
        self._searched = dict.fromkeys(Worth, 0)
        self._is_writing = self._is_lazy = self.is_on_errand = False
        self._set_aside = 0
        self._retry: asyncio.TimerHandle | None = None

    @property
    def is_bare(self) -> bool:
        """Nothing is older than what comes next, but what is in hand."""
        return (self._is_known or self._is_given_up) and not (self.stored.total or len(self.tail))

    @property
    def depth(self) -> int:
        return self.stored.total + len(self.tail)

    def start(self) -> None:
        """Look what is there from before. Needs the running loop."""
        self._look(Amount(), None)

    def append(self, owed: Owed) -> None:
        """To the tail."""
        self.tail.append(owed)
        self.secure(owed)

    def secure(self, owed: Owed) -> None:
        """Write it to the disk with the next commit."""
        self.unwritten.add(owed)
        if self._is_lazy:
            self._is_lazy = False
            self._database.write_later(_nothing, within_s=GROUP_S)  # the batch under way goes along
        self.write()

    def remove(self, owed: Owed) -> None:
        """In hand, and owed no longer."""
        self.unwritten.remove(owed)
        self.write()

    def put_back(self, owed: Iterable[Owed]) -> None:
        """What was in hand, though something on the disk is older."""
        for one in reversed(list(owed)):
            self.tail.put_back(one)

    def write(self) -> None:
        """Have written what waits, if it is not being done already."""
        if not self._is_known or self._is_writing or self.unwritten.is_empty:
            return
        self._is_writing = True
        self._is_lazy = not self.unwritten.has_added
        self._database.write_later(
            self._apply, self._on_written, within_s=REMOVE_S if self._is_lazy else GROUP_S
        )

    def fetch(self, count: int, size: int) -> list[Owed]:
        """The oldest, as many as ``count`` and ``size`` bytes allow, at least one: for the hand from now on.

        Those on the disk come later, by `Hand.on_page`.
        """
        if not (self._is_known or self._is_given_up):
            return []
        if not self.stored.total:
            return self._take_tail(count, size)
        if not self.is_on_errand:
            span, base = Span(self._paged_to, self._stored_to), self._base
            self._run_errand(
                lambda connection: read_page(connection, span, base=base, count=count, size=size),
                self._on_page,
            )
        return []

    def drop(self, worth: Worth, size: int) -> None:
        """The oldest of a worth, about so many bytes; on the disk that takes a moment."""
        if not (self._is_known or self._is_given_up):
            return  # older ones may be found yet
        if not self.stored.count[worth]:
            self.drop_from_tail(worth, size)
        elif not self.is_on_errand:
            span = Span(max(self._paged_to, self._searched[worth]), self._stored_to)
            self._run_errand(
                lambda connection: delete_oldest(connection, worth, size, span),
                lambda dropped: self._on_dropped(worth, *dropped),
            )

    def drop_from_tail(self, worth: Worth, size: int) -> None:
        gone = Amount()
        for owed in first_bytes(self.tail.of(worth), size):
            gone.add(worth, owed.size)
            self.tail.pop(owed)
            self.remove(owed)
        self._hand.on_gone(gone)

    # ---- what the database answers ----

    def _look(self, so_far: Amount, after: int | None) -> None:
        """Count the rows of earlier runs, some thousand at a time, so that nobody waits long for the disk."""
        base = self._base

        def look(connection: sqlite3.Connection) -> tuple[int, Amount, int | None]:
            newest = newest_row(connection) if after is None else base
            return newest, *count_rows(connection, Span(after or 0, newest))

        self._ask(look, lambda counted: self._on_counted(so_far, *counted), self._on_not_counted)

    def _on_counted(self, so_far: Amount, newest: int, amount: Amount, after: int | None) -> None:
        self._base = self._stored_to = newest
        so_far.include(amount)
        if after is not None:
            self._look(so_far, after)
            return
        self.stored = so_far
        self._is_known = True
        self._set_aside = self._database.set_aside
        self._hand.on_stock()
        self.write()

    def _on_not_counted(self) -> None:
        if not self._is_given_up:
            self._is_given_up = True
            self._hand.on_stock()
        asyncio.get_running_loop().call_later(RETRY_S, self._look, Amount(), None)

    def _apply(self, connection: sqlite3.Connection) -> None:
        """In the database's thread."""
        batch = self.unwritten.take()
        apply_batch(connection, batch.added.values(), batch.removed, self._base)

    def _on_written(self, error: StorageError | None) -> None:
        self._is_writing = self._is_lazy = False
        if error is not None:
            self.unwritten.failed()
            self._try_again()
            return
        written = self.unwritten.committed().added
        self._notice_loss(written)
        while (owed := self.tail.first()) is not None and owed.id in written:
            self.tail.pop(owed)
            row = owed.id + self._base
            if not self.stored.total:
                self._paged_to = row - 1  # the rows before it are still in hand
            self.stored.add(owed.message.worth, owed.size)
            self._stored_to = row
        self.write()
        self._hand.on_calm()

    def _on_page(self, page: Page) -> None:
        if not page.last_row:  # it is not there, whatever we believed
            self._lose(self.stored)
            return
        self._paged_to = page.last_row
        self._lose(page.unreadable)
        for owed in page.owed:
            self.stored.add(owed.message.worth, -owed.size, -1)
        self._hand.on_page(page.owed)

    def _on_dropped(self, worth: Worth, gone: Amount, last_row: int) -> None:
        self._searched[worth] = last_row
        if not gone.total:  # it is not there, whatever we believed
            gone.add(worth, self.stored.bytes[worth], self.stored.count[worth])
        self._lose(gone)
        self._hand.on_calm()

    def _notice_loss(self, written: Collection[int]) -> None:
        """The file was set aside: what was on it alone is lost, what is in hand is written anew."""
        if self._database.set_aside != self._set_aside:
            self._set_aside = self._database.set_aside
            self.unwritten.add_older(owed for owed in self._hand.in_hand() if owed.id not in written)
            self._lose(self.stored)

    def _lose(self, gone: Amount) -> None:
        told = Amount()
        told.include(gone)
        self.stored.include(told, sign=-1)
        self._hand.on_gone(told)

    # ---- asking ----

    def _run_errand(self, work: Callable[[sqlite3.Connection], T], on_result: Callable[[T], None]) -> None:
        self.is_on_errand = True

        def done(result: T) -> None:
            self.is_on_errand = False
            self._notice_loss(())
            on_result(result)

        def failed() -> None:
            self.is_on_errand = False
            self._try_again()

        self._ask(work, done, failed)

    def _ask(
        self,
        work: Callable[[sqlite3.Connection], T],
        on_result: Callable[[T], None],
        on_failure: Callable[[], None],
    ) -> None:
        results: list[T] = []

        def done(error: StorageError | None) -> None:
            if error is None:
                on_result(results[-1])  # it may have run twice: on a damaged file, and on the new one
            else:
                on_failure()

        self._database.write_later(lambda connection: results.append(work(connection)), done, within_s=0.0)

    def _take_tail(self, count: int, size: int) -> list[Owed]:
        page: list[Owed] = []
        for owed in islice(self.tail, count):
            size -= owed.size
            if page and size < 0:
                break
            page.append(owed)
        for owed in page:
            self.tail.pop(owed)
        return page

    def _try_again(self) -> None:
        if self._retry is None:
            self._retry = asyncio.get_running_loop().call_later(RETRY_S, self._on_retry)

    def _on_retry(self) -> None:
        self._retry = None
        self.write()
        self._hand.on_calm()


def _nothing(_connection: sqlite3.Connection) -> None:
    """A work that only makes a commit come sooner."""
