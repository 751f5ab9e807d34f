"""One command that was taken: into the journal, acknowledged, run within its deadline, answered."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from edged.control.commands.answers import Answers, answer_for
from edged.control.commands.context import Context
from edged.control.commands.entry import Entry, Place
from edged.control.commands.journal import Journal
from edged.control.commands.lanes import Lane
from edged.control.commands.request import Answer
from edged.control.commands.table import LANES, Command

_MOST_PLACES = 8
"""That one running command is answered to; whoever asks later under its id reads ``…/res/<op>``."""
_JOURNAL_S = 10.0
_JOURNAL_SHARE = 0.3
"""Of a command's deadline, at most, for each of its two commits."""
_STOP_S = 3.0
_WHETHER = "whether it took effect, `get` with what: spec and …/reported say"

log = logging.getLogger("edged.commands")


@dataclass(slots=True)
class Work:
    """One command that was taken, until it is answered."""

    command: Command
    arguments: Any
    entry: Entry
    until_s: float
    """Loop time at which it has its answer."""
    places: list[Place]
    acknowledge: list[Callable[[], None]]
    """What waits for the journal."""
    is_begun: bool = False
    task: asyncio.Task[bytes] | None = None

    @property
    def journal_s(self) -> float:
        return min(_JOURNAL_S, _JOURNAL_SHARE * self.command.deadline_s)

    def join(self, place: Place | None, acknowledge: Callable[[], None]) -> None:
        """The same id came again while it runs: one answer for all."""
        if place is not None and place not in self.places and len(self.places) < _MOST_PLACES:
            self.places.append(place)
        if self.is_begun:
            acknowledge()
        elif acknowledge not in self.acknowledge:
            self.acknowledge.append(acknowledge)


class Serving:
    """All commands that run or wait; bounded by their lanes."""

    def __init__(self, context: Context, journal: Journal, answers: Answers) -> None:
        self._context = context
        self._journal = journal
        self._answers = answers
        self._lanes = {name: Lane(running, waiting) for name, (running, waiting) in LANES.items()}
        self._by_id: dict[str, Work] = {}
        self._all: dict[asyncio.Task[None], Work] = {}
        self._is_ending = False

    @property
    def present(self) -> int:
        """How many run or wait."""
        return len(self._all)

    def find(self, command_id: str) -> Work | None:
        return self._by_id.get(command_id)

    def has_room(self, command: Command) -> bool:
        return self._lanes[command.lane].has_room

    def take(self, work: Work) -> None:
        """From now on it will be answered."""
        self._lanes[work.command.lane].enter()
        if work.entry.id:
            self._by_id[work.entry.id] = work
        serving = asyncio.create_task(self._serve(work))
        self._all[serving] = work
        serving.add_done_callback(self._served)

    def resume(self, command: Command, entry: Entry, outcome: Awaitable[Mapping[str, Any]]) -> None:
        """Go on with what an earlier daemon was at, and answer with what it comes to."""

        async def wait_for_it(_arguments: Any, _context: Context) -> Mapping[str, Any]:
            return await outcome

        again = replace(command, run=wait_for_it)
        until_s = asyncio.get_running_loop().time() + command.deadline_s
        self.take(Work(again, None, entry, until_s, [entry.place] if entry.place else [], []))

    async def stop(self) -> None:
        """Cancel what runs, and answer it (`interrupted`); bounded in time."""
        self._is_ending = True
        for work in self._all.values():
            if work.task is not None:
                work.task.cancel()
        if self._all:
            await asyncio.wait(set(self._all), timeout=_STOP_S)

    async def close_interrupted(self, entry: Entry) -> None:
        """Answer what an earlier daemon left unanswered; the order to end it was carried out, as one sees."""
        interrupted = Answer("interrupted", f"the daemon ended meanwhile; {_WHETHER}")
        answer = Answer() if entry.ends_daemon else interrupted
        payload = self._answers.encode(entry.id, entry.op, answer)
        await self._journal.finish(entry, payload, _JOURNAL_S)
        self._answers.send(entry.op, payload, [entry.place] if entry.place else [])

    async def _serve(self, work: Work) -> None:
        entry = work.entry
        if entry.id:
            await self._journal.begin(entry, work.journal_s)
        work.is_begun = True
        for acknowledge in work.acknowledge:
            acknowledge()
        answer, payload = await self._outcome(work)
        if entry.id:
            await self._journal.finish(entry, payload, work.journal_s)
            self._by_id.pop(entry.id, None)
        self._answers.send(entry.op, payload, work.places)
        level = logging.INFO if work.command.has_effect else logging.DEBUG
        log.log(level, "command %s: %s", entry.op, answer.message or answer.code or "done")
        if entry.ends_daemon and answer.ok:
            self._context.order_restart()

    async def _outcome(self, work: Work) -> tuple[Answer, bytes]:
        """Its answer, in time; what runs on in spite of being cancelled keeps its place in the lane."""
        task = work.task = asyncio.create_task(self._perform(work))
        task.add_done_callback(lambda _: self._lanes[work.command.lane].leave())
        if self._is_ending:
            task.cancel()
        left_s = work.until_s - work.journal_s - asyncio.get_running_loop().time()
        await asyncio.wait({task}, timeout=max(0.0, left_s))
        if not task.done():
            task.cancel()
            task.add_done_callback(_retrieve)
            answer = Answer("timeout", f"given up after {work.command.deadline_s:g} s; {_WHETHER}")
        elif task.cancelled():
            answer = Answer("interrupted", f"it was given up, most likely since the daemon ends; {_WHETHER}")
        elif (error := task.exception()) is not None:
            answer = answer_for(work.entry.op, error)
        else:
            return Answer(), task.result()
        return answer, self._answers.encode(work.entry.id, work.entry.op, answer)

    async def _perform(self, work: Work) -> bytes:
        async with self._lanes[work.command.lane].place():
            data = await work.command.run(work.arguments, self._context)
        return self._answers.encode(work.entry.id, work.entry.op, Answer(data=data))

    def _served(self, serving: asyncio.Task[None]) -> None:
        work = self._all.pop(serving)
        if self._by_id.get(work.entry.id) is work:
            del self._by_id[work.entry.id]
        if not serving.cancelled() and (error := serving.exception()) is not None:
            log.error("a bug in serving a command", exc_info=error)


def _retrieve(task: asyncio.Task[bytes]) -> None:
    """So that what a cancelled command still raises is not called unseen."""
    if not task.cancelled():
        task.exception()
