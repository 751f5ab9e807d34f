"""Takes commands as they come: refuses what cannot be run, knows again what was seen, has the rest served.

What is refused had no effect and is in no journal. It is answered as well, within bounds, since each
answer costs a message; beyond them it is counted.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

from edged.control.commands.answers import Answers, AnswerSink, failure
from edged.control.commands.arguments import read_arguments
from edged.control.commands.context import Context
from edged.control.commands.entry import Entry
from edged.control.commands.journal import Journal
from edged.control.commands.lanes import Budget
from edged.control.commands.request import CommandFailed, Request
from edged.control.commands.serving import Serving, Work
from edged.control.commands.table import TABLE, WITHOUT_EFFECT, Command, LaneName
from edged.control.publisher import Publisher
from edged.errors import EdgedError
from edged.mqtt.decoding import decode_object
from edged.mqtt.message import Received
from edged.mqtt.topics import Topics
from edged.settings.nearest import did_you_mean
from edged.storage.database import Database

_ID_CHARACTERS = 128
_LOG_EVERY_S = 60.0
_RETAINED = (
    "a retained command would run again at every connect; publish it without the retain flag, and clear the"
    " topic with an empty retained message"
)
_BUSY = "too many commands at once; send it again later"
_FULL = "too many commands with an id within a day; send it again later, or without an id"

log = logging.getLogger("edged.commands")


class CommandDesk:
    """Used from the loop's thread only."""

    def __init__(
        self,
        context: Context,
        journal: Journal,
        answers: Answers,
        *,
        table: Mapping[str, Command] = TABLE,
    ) -> None:
        self._journal = journal
        self._answers = answers
        self._table = table
        self._context = context
        self._serving = Serving(context, journal, answers)
        self._is_open = asyncio.Event()
        self._is_ending = False
        self._mistakes = Budget(10.0, 20)
        """Answers to what cannot be run as it was sent."""
        self._courtesies = Budget(50.0, 200)
        """Answers to what was right: `busy`, and again to ids that were answered."""
        self._log_at_s = 0.0
        self.refused: Counter[str] = Counter()
        """What had no effect, by code; ``unanswered``: and got no answer for want of room or of a topic."""

    @property
    def present(self) -> int:
        """How many commands run or wait."""
        return self._serving.present

    async def start(self) -> None:
        """Read the journal, and answer what an earlier daemon left unanswered; then `receive` goes on."""
        interrupted = await self._journal.start()
        resumed = self._context.twin.resumed()
        if resumed is not None:
            # one change is tried at a time, in the order in which they came: so it is the first one's
            changes = [entry for entry in interrupted if self._lane_of(entry) is LaneName.SPEC]
            for entry in changes[:1]:
                interrupted.remove(entry)
                self._serving.resume(self._table[entry.op], entry, resumed)
        await asyncio.gather(*(self._serving.close_interrupted(entry) for entry in interrupted))
        self._is_open.set()

    async def stop(self) -> None:
        """Take no more, answer what runs (`interrupted`); bounded in time."""
        self._is_ending = True
        await self._serving.stop()

    async def receive(self, received: Received, op: str) -> None:
        """Take one command; it is acknowledged once it may be, and answered later.

        Waits for `start`, for nothing else. What comes after `stop` is not acknowledged, and so comes again.
        """
        await self._is_open.wait()
        if self._is_ending:
            return
        if received.retain and not received.payload:  # somebody cleared the topic
            received.acknowledge()
            return
        command_id = ""
        try:
            arguments = decode_object(received.payload) if received.payload else {}
            command_id = _id_in(arguments)
            self._take(Request(op, command_id, arguments), received)
        except EdgedError as error:
            self._refuse(op, command_id, error, received)
        await asyncio.sleep(0)  # so that what was taken is begun before the next one asks for room

    def _lane_of(self, entry: Entry) -> LaneName | None:
        command = self._table.get(entry.op)
        return None if command is None else command.lane

    def _take(self, request: Request, received: Received) -> None:
        """Raises an `EdgedError` for what is not run."""
        command = self._table.get(request.op)
        if received.retain:
            raise CommandFailed("retained", _RETAINED)
        if command is None:
            known = did_you_mean(request.op, self._table) or f"; known: {', '.join(self._table)}"
            raise CommandFailed("unknown_op", f"there is no command of this name{known}")
        if request.id and self._is_known(request, received):
            return
        arguments = read_arguments(command.arguments, request.arguments)
        if not self._serving.has_room(command):
            raise CommandFailed("busy", _BUSY)
        if request.id and not self._journal.make_room():
            raise CommandFailed("busy", _FULL)
        self._open(command, arguments, request, received)

    def _open(self, command: Command, arguments: Any, request: Request, received: Received) -> None:
        place = self._answers.place_of(received)
        ends_daemon = command.is_order_to_end(arguments)
        entry = Entry(request.id, request.op, time.time_ns(), ends_daemon, place)
        if request.id:
            self._journal.open(entry)
        until_s = asyncio.get_running_loop().time() + command.deadline_s
        places = [place] if place is not None else []
        self._serving.take(Work(command, arguments, entry, until_s, places, [received.acknowledge]))

    def _is_known(self, request: Request, received: Received) -> bool:
        """An id that was seen has no effect again: it gets the answer that it got, or will get."""
        place = self._answers.place_of(received)
        if (work := self._serving.find(request.id)) is not None:
            work.join(place, received.acknowledge)
            return True
        entry = self._journal.find(request.id)
        if entry is None:
            return False
        received.acknowledge()
        if self._courtesies.spend(time.monotonic()):
            self._answers.send(request.op, entry.answer, [place] if place is not None else [])
        else:
            self.refused["unanswered"] += 1
        return True

    def _refuse(self, op: str, command_id: str, error: EdgedError, received: Received) -> None:
        received.acknowledge()
        self.refused[error.code] += 1
        now_s = time.monotonic()
        if now_s >= self._log_at_s:
            self._log_at_s = now_s + _LOG_EVERY_S
            log.warning("a command was refused (%d so far): %s", sum(self.refused.values()), error)
        budget = self._courtesies if error.code == "busy" else self._mistakes
        if not self._answers.can_answer(op) or not budget.spend(now_s):
            self.refused["unanswered"] += 1
            return
        place = self._answers.place_of(received)
        payload = self._answers.encode(command_id, op, failure(error))
        self._answers.send(op, payload, [place] if place is not None else [])


def build_desk(
    context: Context, database: Database, topics: Topics, publisher: Publisher, sink: AnswerSink
) -> CommandDesk:
    """The desk of a daemon. ``database`` was made with `edged.control.commands.entry.SCHEMA`."""
    journal = Journal(database, without_effect=WITHOUT_EFFECT)
    answers = Answers(topics, publisher, sink, lambda: context.twin.revision)
    return CommandDesk(context, journal, answers)


def _id_in(arguments: dict[str, Any]) -> str:
    """Takes the id out of what was sent; empty when there is none. Raises `CommandFailed`."""
    if "id" not in arguments:
        return ""
    command_id = arguments.pop("id")
    if isinstance(command_id, str) and 1 <= len(command_id) <= _ID_CHARACTERS and command_id.isprintable():
        return command_id
    message = f"id: should be text of 1 to {_ID_CHARACTERS} printable characters"
    raise CommandFailed("invalid", message)
