"""Has models fetched, each attempt in a process of its own, and tries again what may do well later."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import os
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from edged.errors import Problem, SpecRejected
from edged.model.fetching import FetchReport, FetchRequest, FetchState, ModelFile
from edged.modelstore.patience import Patience
from edged.modelstore.store import partial_of
from edged.supervise.channel import CONTROL, Packet
from edged.supervise.heartbeat import Heartbeat
from edged.supervise.process import ChildExit, ProcessKind
from edged.supervise.supervisor import Supervisor
from edged.supervise.wire import Decoder

_AT_ONCE = 2
"""Downloads: a device has one line to the world, and cameras on it."""
_DECODER = Decoder((FetchReport,))

OnReport = Callable[[FetchReport], None]

log = logging.getLogger("edged.models")


class ModelDesk:
    """Whoever waits may be cancelled; what has come by then is kept for the next."""

    def __init__(self, supervisor: Supervisor, kind: ProcessKind) -> None:
        self._supervisor = supervisor
        self._kind = kind
        self._numbers = itertools.count(1)
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._locks: dict[str, asyncio.Lock] = {}
        """By path: two who want the same file wait for one."""

    async def attempt(
        self, model: ModelFile, folders: tuple[str, ...], on_report: OnReport = lambda report: None
    ) -> FetchReport:
        """One; how it ended. ``folders`` may hold the file already, under its own name."""
        async with self._locks.setdefault(model.path, asyncio.Lock()), self._places:
            partial = partial_of(Path(model.path), model.sha256)
            errand = _Errand(self._supervisor, FetchRequest(model, str(partial), folders), on_report)
            name = f"{self._kind.name}:{next(self._numbers)}"
            self._supervisor.start(name, self._kind, errand, stagger=False)
            try:
                return await errand.end
            finally:
                self._supervisor.stop(name)

    async def fetch(
        self, model: ModelFile, folders: tuple[str, ...], on_report: OnReport = lambda report: None
    ) -> FetchReport:
        """As many as there is use in; how the last one ended. Does not end while trying again may help."""
        patience = Patience()
        while True:
            report = await self.attempt(model, folders, on_report)
            delay_s = patience.after(report)
            on_report(report if delay_s is None else tried_again(report, delay_s))
            if report.state is FetchState.THERE:
                whence = report.source or model.shown
                log.info("%s is there: %.1f MB from %s", model.name, report.received / 1e6, whence)
            if delay_s is None:
                return report
            log.warning("%s: %s; tried again in %.0f s", model.name, report.error, delay_s)
            await asyncio.sleep(delay_s)

    async def bring(
        self,
        models: Iterable[ModelFile],
        folders: tuple[str, ...],
        within_s: float,
        on_progress: Callable[[Progress], None] = lambda progress: None,
    ) -> None:
        """Returns when all are there; what is there already costs nothing.

        Raises `SpecRejected`, paths from the spec's root, as soon as one cannot be had, or when time is up.
        """
        missing = [model for model in models if not is_there(model)]
        if not missing:
            return
        progress = Progress(on_progress)
        tasks = {
            asyncio.create_task(self.fetch(model, folders, progress.noting(model.name))): model
            for model in missing
        }
        try:
            problems = await _first_problems(tasks, within_s, progress)
        finally:
            await _cancel(tasks)
        if problems:
            raise SpecRejected(problems)


@dataclass
class Progress:
    """How far each of several fetches is, by the name of its model."""

    on_change: Callable[[Progress], None]
    reports: dict[str, FetchReport] = field(default_factory=dict)

    def noting(self, name: str) -> OnReport:
        def note(report: FetchReport) -> None:
            self.reports[name] = report
            self.on_change(self)

        return note


class _Errand:
    """The owner of one fetcher."""

    def __init__(self, supervisor: Supervisor, request: FetchRequest, on_report: OnReport) -> None:
        self._supervisor = supervisor
        self._request = request
        self._on_report = on_report
        self.end: asyncio.Future[FetchReport] = asyncio.get_running_loop().create_future()

    def on_start(self, name: str) -> None:
        self._supervisor.send(name, self._request)

    def on_packet(self, name: str, packet: Packet) -> None:
        for fd in packet.fds:
            os.close(fd)
        report = _DECODER.decode(packet.body) if packet.kind == CONTROL else None
        if not isinstance(report, FetchReport) or self.end.done():
            return
        if report.state is FetchState.COMING:
            self._on_report(report)
        else:
            self.end.set_result(report)

    def on_exit(self, death: ChildExit, heartbeat: Heartbeat) -> None:
        if not self.end.done():
            error = f"the process that fetches it {death.reason}"
            self.end.set_result(FetchReport(FetchState.BROKEN, code="internal", error=error, about="url"))


def tried_again(report: FetchReport, in_s: float) -> FetchReport:
    """The same, with when that is."""
    return replace(report, again_ns=time.monotonic_ns() + int(in_s * 1e9))


def is_there(model: ModelFile) -> bool:
    """Whole and verified: nothing else ever has that path."""
    return os.path.isfile(model.path)  # noqa: PTH113 — `Path.is_file` raises below a folder that is closed


def problem_of(model: ModelFile, report: FetchReport) -> Problem:
    """Why it is not there, with the path of the key to blame."""
    return Problem(f"spec.models.{model.name}.{report.about or 'url'}", report.error, report.code)


async def _first_problems(
    tasks: dict[asyncio.Task[FetchReport], ModelFile], within_s: float, progress: Progress
) -> list[Problem]:
    """Of those that ended first in failure; of those that are late; none: all are there."""
    problems: list[Problem] = []
    waiting = set(tasks)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            while waiting and not problems:
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                ended = ((tasks[task], task.result()) for task in done)
                problems = [problem_of(*each) for each in ended if each[1].state is not FetchState.THERE]
    return problems or [_late(tasks[task], progress, within_s) for task in waiting]


def _late(model: ModelFile, progress: Progress, within_s: float) -> Problem:
    report = progress.reports.get(model.name)
    path = f"spec.models.{model.name}.url"
    if report is None or report.state is FetchState.COMING:
        so_far = report.received if report is not None else 0
        message = (
            f"did not come within {within_s:.0f} s ({so_far / 1e6:.1f} MB did, and are kept): send it again"
        )
        return Problem(path, message, "timeout")
    return Problem(path, f"{report.error}; tried again for {within_s:.0f} s", report.code)


async def _cancel(tasks: Collection[asyncio.Task[FetchReport]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
