"""The change at work: from its first step to its end, which comes in any case."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, field
from typing import Any

from edged.control.brief import brief
from edged.control.device import Device
from edged.control.footing import Footing
from edged.control.proof_desk import ProofDesk
from edged.control.trial import Asked, Understood, actions_json, prepare, sight_of, watch, watch_for
from edged.control.twin_record import Patch
from edged.control.twin_report import TwinReport
from edged.errors import Problem, SpecRejected, StorageError
from edged.model.twin import Desired, Gate

log = logging.getLogger("edged.twin")


@dataclass(eq=False)
class Change:
    """A desired or a patch on its way."""

    wanted: Desired | Patch
    has_run: bool = False
    """The device was told to run it, and not to go back."""
    problems: tuple[Problem, ...] = ()
    """Why it failed."""
    ended_by: str = ""
    """What ended it before it was decided."""
    local: int = 0
    """The number of patches with it."""
    actions: list[dict[str, Any]] = field(default_factory=list)
    """What it did."""
    over: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def name(self) -> str:
        """For people."""
        return f"revision {self.wanted.revision}" if isinstance(self.wanted, Desired) else "a patch"


class Work:
    """At most one change at a time."""

    def __init__(
        self, footing: Footing, device: Device, proofs: ProofDesk, report: TwinReport, preparing_s: float
    ) -> None:
        self.change: Change | None = None
        self._task: asyncio.Task[None] | None = None
        self._footing = footing
        self._device = device
        self._proofs = proofs
        self._report = report
        self._preparing_s = preparing_s
        self.is_closed = False
        """The daemon ends: nothing begins any more, and nothing need run again."""

    def begin(self, change: Change) -> None:
        """It is in the record already."""
        if self.is_closed:
            change.ended_by = "the daemon stops"
            change.over.set()
            return
        self.change = change
        self._task = asyncio.create_task(self._carry_out(change))
        self._task.add_done_callback(self._ended)

    async def cut(self) -> Change | None:
        """Stop what is at work, and run again what ran before. None: nothing was, or it has just ended.

        Whoever cuts says with the next record what becomes of it; it can also begin anew.
        """
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        change, self.change, self._task = self.change, None, None
        if change is not None and self._footing.record.candidate is None:
            self._conclude(change)  # decided already: only the disk was still waited for
            return None
        return change

    async def leave(self) -> Change | None:
        """As `cut`, for good."""
        self.is_closed = True
        return await self.cut()

    async def _carry_out(self, change: Change) -> None:
        try:
            change.problems = await self._attempt(change)
        except asyncio.CancelledError:
            self._put_back(change)
            raise
        except SpecRejected as rejected:
            change.problems = rejected.problems
        except StorageError as error:
            change.problems = (disk_problem(error),)
        except Exception as bug:  # whatever it is, what ran before has to run again
            log.error("a bug ended %s", change.name, exc_info=bug)
            change.problems = (
                Problem("", "a bug in edged ended it; the device's log says more", "internal"),
            )
        if change.problems:
            self._put_back(change)
            await self._footing.keep_anyway(self._footing.record.fail(change.problems))
        self._conclude(change)

    async def _attempt(self, change: Change) -> tuple[Problem, ...]:
        """All its steps; why the gate did not let it pass."""
        footing = self._footing
        is_patch = isinstance(change.wanted, Patch)
        goal = self._goal(change)
        footing.sweep_models(goal.plan)  # so that what was rejected in vain does not pile up
        on_progress = (lambda progress: None) if is_patch else self._report.progress
        asked = Asked(self._preparing_s, spares_unchanged=is_patch, on_progress=on_progress)
        prepared = await prepare(goal, footing.running, self._device, self._proofs, asked)
        change.actions, change.local = actions_json(prepared.actions), goal.local
        await footing.keep(footing.record.try_out())
        if not is_patch:
            self._report.tell(footing.record, footing.running, footing.notices)
        log.info("%s is tried: %s", change.name, brief(prepared.actions) or "nothing changes")
        gate = Gate() if isinstance(change.wanted, Patch) else change.wanted.gate
        begun = watch_for(goal.plan, footing.running.plan, gate, sight_of(self._device), time.monotonic())
        change.has_run = True
        self._device.apply(goal.plan, proved=prepared.proved)
        problems = await watch(self._device, begun)
        if not problems:
            await footing.keep(footing.record.commit())
            footing.take(goal)
        return problems

    def _goal(self, change: Change) -> Understood:
        """Where it leads. Raises `SpecRejected`, with the mend where only the patches do not fit."""
        footing, record = self._footing, self._footing.record.commit()
        try:
            return footing.understand(record)
        except SpecRejected as rejected:
            if isinstance(change.wanted, Patch) or not footing.fits(record.without_overlay()):
                raise
            message = (
                "the spec itself is valid, but not with the local patches on top: send it without keep_local"
            )
            raise SpecRejected([*rejected.problems, Problem("keep_local", message, "conflict")]) from None

    def _put_back(self, change: Change) -> None:
        if change.has_run and not self.is_closed:
            change.has_run = False
            self._footing.put_back()

    def _conclude(self, change: Change) -> None:
        """It is decided."""
        self.change = self._task = None
        if change.problems:
            log.warning("%s failed: %s", change.name, brief(change.problems))
        else:
            log.info("%s is applied", change.name)
            self._footing.notices = ()
        tell = self._report.tell_anew if isinstance(change.wanted, Patch) else self._report.tell
        tell(self._footing.record, self._footing.running, self._footing.notices)
        change.over.set()

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Also a bug in going back must not leave the twin busy for ever."""
        bug = None if task.cancelled() else task.exception()
        if bug is None or self._task is not task or self.change is None:
            return
        log.critical("a bug: what ran before may not run again; restart the daemon", exc_info=bug)
        change, self.change, self._task = self.change, None, None
        change.problems = change.problems or (Problem("", "a bug in edged ended it", "internal"),)
        self._footing.record = self._footing.record.without_candidate()
        change.over.set()


def disk_problem(error: StorageError) -> Problem:
    """What cannot be written cannot be tried: a power cut would leave nobody knowing what runs."""
    mend = "free space on the disk of storage.path, or mend it, and send this again"
    return Problem("", f"{error}; {mend}", "internal")
