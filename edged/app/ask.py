"""One question to a short-lived child, one answer: how the command line uses provers and probes.

Children because what they open is not to be trusted: a user's algorithm, a camera's bytes, a driver.
A child that hangs or crashes costs a line on the screen and not the command.
"""

from __future__ import annotations

import signal
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import ExitStack, closing
from itertools import islice
from typing import IO, TypeVar, cast

from edged.errors import ChannelClosed, EdgedError
from edged.supervise.channel import CONTROL, Packet
from edged.supervise.child import EXIT_BUG
from edged.supervise.heartbeat import BUILDING, Activity
from edged.supervise.spawn import Spawned, spawn
from edged.supervise.wire import Decoder

Reply = TypeVar("Reply")

_LOOK_EVERY_S = 0.1
_EXIT_S = 2.0
_EXIT_GAVE_UP = 1
_TAIL_LINES = 12


class ChildSilent(EdgedError):
    """No answer: the child hung, or ended before it."""

    def __init__(self, message: str, activities: tuple[Activity, ...], *, code: str = "internal") -> None:
        """``activities`` are what it was at."""
        super().__init__(message + _while_busy(activities), code=code)
        self.at = frozenset(activity.job for activity in activities if activity.job)
        """The jobs, or files, that it was at."""


class ChildBug(Exception):
    """The child died of a bug; the message is the end of what it logged."""


def ask(module: str, request: object, reply: type[Reply], *, within_s: float) -> Reply:
    """Start ``module``, send it ``request`` and return its first message of the type ``reply``.

    Raises as `ask_each` does. Afterwards the child has ended.
    """
    with closing(ask_each(module, request, reply, number=1, within_s=within_s)) as replies:
        return next(replies)


def ask_each(
    module: str, request: object, reply: type[Reply], *, number: int, within_s: float
) -> Generator[Reply]:
    """The first ``number`` messages of the type ``reply``, as they come, each ``within_s`` seconds.

    Raises `ChildSilent`, saying what the child was at, when it was silent past that or past a deadline of
    its own, or ended; `EdgedError` when it gave up and said why; `ChildBug` when it died of one.
    Afterwards the child has ended.
    """
    with closing(ask_until(module, request, reply, within_s=within_s)) as replies:
        yield from islice(replies, number)


def ask_until(module: str, request: object, reply: type[Reply], *, within_s: float) -> Generator[Reply]:
    """As `ask_each`, without an end: close it when the last one came."""
    with Conversation(module) as child:
        child.send(request)
        while True:
            yield _listen(child, reply, within_s)


class Conversation:
    """A short-lived child, from ``with`` to the end of it, by which it has ended."""

    def __init__(self, module: str) -> None:
        self._module = module
        self._opened = ExitStack()

    def __enter__(self) -> Conversation:
        with ExitStack() as opening:
            self._log: IO[bytes] = opening.enter_context(tempfile.TemporaryFile())
            name = self._module.rpartition(".")[2]
            self._child = spawn(self._module, name, log_level="WARNING", stderr=self._log.fileno())
            opening.callback(_end, self._child)
            self._opened = opening.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    @property
    def is_building(self) -> bool:
        """It builds something that takes minutes, and has a deadline of its own for that."""
        return any(activity.phase == BUILDING for activity in self._child.heartbeat.activities())

    def send(self, message: object) -> None:
        """Raises why it has ended, as `receive` does."""
        try:
            self._child.channel.send(message, wait_s=1.0)
        except ChannelClosed:
            raise _obituary(self._child, self._log) from None

    def receive(self, *, wait_s: float = _LOOK_EVERY_S) -> Packet | None:
        """What comes next; None: nothing did meanwhile.

        Raises `ChildSilent` when it hangs or was ended from outside, else `EdgedError` or `ChildBug`: why it
        ended.
        """
        if self._child.heartbeat.overdue(time.monotonic_ns()) is not None:
            raise self.silent()
        try:
            return self._child.channel.receive(wait_s=wait_s)
        except ChannelClosed:
            raise _obituary(self._child, self._log) from None

    def silent(self) -> ChildSilent:
        """That it did not answer in time, and what it is at."""
        return ChildSilent("no answer in time", self._child.heartbeat.activities(), code="timeout")


def _listen(child: Conversation, reply: type[Reply], within_s: float) -> Reply:
    decoder = Decoder([reply])
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        packet = child.receive()
        if child.is_building:
            until = time.monotonic() + within_s  # its own deadline is as long as that takes
        if packet is not None and packet.kind == CONTROL and _is(packet, reply):
            return cast(Reply, decoder.decode(packet.body))
    raise child.silent()


def _is(packet: Packet, reply: type) -> bool:
    return packet.body.startswith(f'["{reply.__name__}",'.encode())


def _obituary(child: Spawned, log: IO[bytes]) -> Exception:
    """Why a child that closed its channel without an answer did so."""
    code = _wait(child.popen, _EXIT_S)
    activities = child.heartbeat.activities()
    log.seek(0)
    tail = log.read().decode(errors="replace").strip().splitlines()[-_TAIL_LINES:]
    if code is not None and code < 0:
        return ChildSilent(f"killed by {signal.Signals(-code).name}", activities)
    if any(activity.job for activity in activities) and not (tail and code in (_EXIT_GAVE_UP, EXIT_BUG)):
        return ChildSilent(f"ended with {code}", activities)  # somebody else's code ended it
    if code == EXIT_BUG or not tail:
        return ChildBug("\n".join(tail) or f"ended with {code} and without an answer")
    return EdgedError(tail[-1].partition(": ")[2] or tail[-1])


def _while_busy(activities: tuple[Activity, ...]) -> str:
    doing = (
        " ".join(part for part in (activity.phase, activity.job, activity.source) if part)
        for activity in activities
    )
    text = ", ".join(doing)
    return f" while busy with: {text}" if text else ""


def _end(child: Spawned) -> None:
    """At once: whoever has answered, or shall not, has nothing left to finish."""
    child.popen.kill()
    child.popen.wait()
    child.release()


def _wait(popen: subprocess.Popen[bytes], within_s: float) -> int | None:
    try:
        return popen.wait(within_s)
    except subprocess.TimeoutExpired:
        return None
