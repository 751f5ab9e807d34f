"""One SQLite file, owned by one thread; the loop hands it works and is never in its way.

Works run in the order in which they were asked for. `write`, `read` and `background` run at once, together
with all that waits before them; `write_later` waits for company, so that a commit (one fsync) serves many.
With nothing to do the thread sleeps and nothing is written. What trouble with the disk leads to is decided
in `edged.storage.keeper`.

At most `QUEUE_LIMIT` works wait; the newest is refused then, counted in `refused`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar

from edged.errors import StorageError, StorageTaken
from edged.storage.database_file import DatabaseFile
from edged.storage.keeper import Keeper, Outcome

GROUP_S = 0.15
"""How long a `write_later` waits for company; with the commit itself it is on the disk within 200 ms."""
GROUP_WORKS = 200
QUEUE_LIMIT = 2000
STOP_S = 2.0
_FULL_QUEUE_S = 0.01
_log = logging.getLogger(__name__)
T = TypeVar("T")


class _Place(Enum):
    TRANSACTION = "transaction"
    OUTSIDE = "outside"


@dataclass(frozen=True, slots=True, eq=False)
class _Work:
    run: Callable[..., object]
    place: _Place
    due_s: float
    settle: Callable[[Outcome], None]
    """Called on the loop."""


def _nobody(_text: str) -> None:
    return None


class Database:
    """Used from the loop's thread only. ``path`` None: in memory. Its folder is locked while it runs.

    ``schema`` are statements that do no harm when they are run again (CREATE … IF NOT EXISTS); they run at
    each opening. ``migrations`` take an older file there: the first from version 1 to 2, and so on.
    ``on_trouble`` is called on the loop with the reason when the disk refuses or a damaged file was set
    aside, and with an empty text when all is well again.
    """

    def __init__(
        self,
        path: Path | None,
        schema: Sequence[str] = (),
        *,
        migrations: Sequence[Sequence[str]] = (),
        on_trouble: Callable[[str], None] = _nobody,
    ) -> None:
        self.path = path
        self.trouble = ""
        """Why nothing can be kept or read now, for people; empty when all is well."""
        self.set_aside = 0
        """How many damaged files were set aside since the start: a change means that all rows are gone."""
        self.refused = 0
        """Works refused since the start because too many waited."""
        self._keeper = Keeper(DatabaseFile(path, schema, migrations))
        self._on_trouble = on_trouble
        self._changed = threading.Condition()
        self._queue: deque[_Work] = deque()
        self._due_s = float("inf")
        """When the earliest of the queue has to run."""
        self._unsettled: dict[_Work, float] = {}
        """Asked for, and whoever did has not been told what became of it; in order, and since when."""
        self._leaving = False
        self._stopped = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended: asyncio.Future[None] | None = None

    @property
    def waiting(self) -> int:
        """Works of which nobody has been told yet what became of them."""
        return len(self._unsettled)

    @property
    def lag_s(self) -> float:
        """How long the first of those has waited; a disk that hangs says nothing, and is no `trouble` yet."""
        since_s = next(iter(self._unsettled.values()), None)
        return 0.0 if since_s is None else time.monotonic() - since_s

    def start(self) -> None:
        """The thread starts and opens the file, beside the loop."""
        self._loop = asyncio.get_running_loop()
        self._ended = self._loop.create_future()
        threading.Thread(target=self._serve, name="storage", daemon=True).start()

    async def opened(self, within_s: float) -> None:
        """Returns once the folder is ours, or the disk did not say within that time.

        Raises `StorageTaken` when it belongs to another process.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self.background(_nothing)

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Committed when it returns, with everything asked for before. Raises `StorageError`, or what the
        work raises; then it has no effect."""
        return await self._ask(work, _Place.TRANSACTION)

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """As `write`: it sees everything that was asked for before."""
        return await self._ask(work, _Place.TRANSACTION)

    async def background(self, work: Callable[[], T]) -> T:
        """Any other blocking work on the storage folder, in the same order. Raises what the work raises, or
        `StorageError` when the folder belongs to another process; a full disk it must notice itself."""
        return await self._ask(work, _Place.OUTSIDE)

    def write_later(
        self,
        work: Callable[[sqlite3.Connection], None],
        on_done: Callable[[StorageError | None], None] | None = None,
        *,
        within_s: float = GROUP_S,
    ) -> None:
        """Committed with the next group; ``on_done`` is called on the loop then, or with why it is not."""

        def settle(outcome: Outcome) -> None:
            error = outcome.error
            if error is not None and not isinstance(error, StorageError):
                _log.error("a work of the database failed", exc_info=error)
                error = StorageError(f"a bug: {error!r}")
            if on_done is not None:
                on_done(error)

        self._submit(_Work(work, _Place.TRANSACTION, time.monotonic() + within_s, settle))

    async def stop(self) -> bool:
        """Commits what waits, closes the file, frees the folder; within `STOP_S`, or leaves it as it is.

        True: all that was asked for is on the disk.
        """
        if self._ended is None or self._stopped:
            self._stopped = True
            return False
        is_kept = False
        try:
            async with asyncio.timeout(STOP_S):
                await self._settle_all()
                self._leave()
                await asyncio.shield(self._ended)
            is_kept = not self.trouble
        except TimeoutError:
            _log.warning(
                "the disk took longer than %.0f s: stopped with %d works waiting",
                STOP_S,
                self.waiting,
            )
        finally:
            self._leave()
            self._stopped = True
            self._fail_the_rest()
        return is_kept

    # ---- on the loop ----

    async def _ask(self, work: Callable[..., T], place: _Place) -> T:
        outcome: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def settle(result: Outcome) -> None:
            if outcome.done():
                return
            if result.error is None:
                outcome.set_result(result.value)
            else:
                outcome.set_exception(result.error)

        self._submit(_Work(work, place, 0.0, settle))
        value: T = await outcome
        return value

    def _submit(self, work: _Work) -> None:
        reason = self._refusal()
        if reason:
            work.settle(Outcome(error=StorageError(reason)))
            return
        self._unsettled[work] = time.monotonic()
        with self._changed:
            self._queue.append(work)
            is_sooner = work.due_s < self._due_s or len(self._queue) == GROUP_WORKS
            self._due_s = min(self._due_s, work.due_s)
            if is_sooner:
                self._changed.notify()

    def _settle(self, work: _Work, outcome: Outcome) -> None:
        if work in self._unsettled:  # else it was given up at the end
            del self._unsettled[work]
            work.settle(outcome)

    def _refusal(self) -> str:
        if self._leaving or self._stopped:
            return "the daemon is stopping"
        if self.waiting >= QUEUE_LIMIT:
            self.refused += 1
            return f"the disk is too slow: {QUEUE_LIMIT} works wait for it"
        return ""

    async def _settle_all(self) -> None:
        """What is told that it is done may ask for more (and does, the outbox)."""
        while True:
            try:
                await self.background(lambda: None)
            except StorageError:
                await asyncio.sleep(_FULL_QUEUE_S)
            if not self.waiting:
                return

    def _leave(self) -> None:
        with self._changed:
            self._leaving = True
            self._changed.notify()

    def _fail_the_rest(self) -> None:
        with self._changed:
            self._queue.clear()
        for work in list(self._unsettled):
            self._settle(work, Outcome(error=StorageError("the daemon is stopping")))

    def _deliver(
        self, settled: Sequence[tuple[_Work, Outcome]], news: Sequence[str], trouble: str, set_aside: int
    ) -> None:
        """Each callee in a call of the loop's own: a bug in one is no other's."""
        self.trouble, self.set_aside = trouble, set_aside
        loop = asyncio.get_running_loop()
        for text in news:
            loop.call_soon(self._on_trouble, text)
        for work, outcome in settled:
            loop.call_soon(self._settle, work, outcome)

    # ---- in the thread ----

    def _serve(self) -> None:
        self._run([])
        while (group := self._next_group()) is not None:
            self._run(group)
        self._keeper.close()
        self._call_loop(self._say_ended)

    def _next_group(self) -> list[_Work] | None:
        """Waits until something is due: all that waits then, or nothing but another try. None: leave."""
        with self._changed:
            while True:
                due_s = self._next_s()
                patience_s = due_s - time.monotonic()
                if patience_s <= 0:
                    break
                if self._leaving:
                    return None
                self._changed.wait(None if patience_s == float("inf") else patience_s)
            group = list(self._queue)
            self._queue.clear()
            self._due_s = float("inf")
        return group

    def _next_s(self) -> float:
        if self._queue and (self._leaving or len(self._queue) >= GROUP_WORKS):
            return 0.0
        retry_s = None if self._leaving else self._keeper.due_s()
        return self._due_s if retry_s is None else min(self._due_s, retry_s)

    def _run(self, group: Sequence[_Work]) -> None:
        if not group:
            self._run_inside([])
            self._hand_over([])
        for place, members in groupby(group, key=lambda work: work.place):
            works = list(members)
            run = self._run_inside if place is _Place.TRANSACTION else self._run_outside
            self._hand_over(list(zip(works, run(works), strict=True)))

    def _run_inside(self, works: Sequence[_Work]) -> list[Outcome]:
        try:
            return self._keeper.run([work.run for work in works], time.monotonic())
        except Exception as error:  # noqa: BLE001 - a bug; unanswered, whoever waits would wait for ever
            _log.exception("the database's thread stumbled")
            return [Outcome(error=StorageError(f"a bug: {error!r}")) for _ in works]

    def _run_outside(self, works: Sequence[_Work]) -> list[Outcome]:
        if self._keeper.taken:
            return [Outcome(error=StorageTaken(self._keeper.trouble)) for _ in works]
        return [_outcome(work.run) for work in works]

    def _hand_over(self, settled: Sequence[tuple[_Work, Outcome]]) -> None:
        keeper = self._keeper
        news, keeper.news = keeper.news, []
        if settled or news:
            self._call_loop(self._deliver, settled, news, keeper.trouble, keeper.set_aside)

    def _say_ended(self) -> None:
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(None)

    def _call_loop(self, call: Callable[..., None], *arguments: object) -> None:
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(call, *arguments)


def _outcome(work: Callable[[], object]) -> Outcome:
    try:
        return Outcome(work())
    except Exception as error:  # noqa: BLE001 - it is raised anew where it was asked for
        return Outcome(error=error)


def _nothing() -> None:
    """For whoever only waits for its turn."""
