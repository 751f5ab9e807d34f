"""What the device stands on: the record on the disk, the same in memory, and the spec that runs of it."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edged.control.device import Device
from edged.control.trial import Understood, own_spec, understand
from edged.control.twin_record import TwinRecord
from edged.control.twin_store import TwinStore
from edged.errors import Problem, SpecRejected, StorageError
from edged.planning.plan import Plan
from edged.settings import Loaded

log = logging.getLogger("edged.twin")


class Footing:
    """Written before it takes effect; while a trial runs it is what the device goes back to."""

    def __init__(self, device: Device, store: TwinStore, file: Loaded, folder: Path) -> None:
        """``folder`` is where relative paths of the file start."""
        self.file = file
        self.record = TwinRecord()
        self.notices: tuple[Problem, ...] = ()
        """What somebody should see to: told until the next change is decided."""
        self._device = device
        self._store = store
        self._folder = folder
        self._running: Understood | None = None

    @property
    def running(self) -> Understood:
        """What runs, trials aside."""
        if self._running is None:
            raise RuntimeError("the twin was not started")
        return self._running

    @property
    def base(self) -> Mapping[str, Any]:
        """What the overlay lies on, as it is written."""
        return self.record.applied.spec if self.record.applied is not None else own_spec(self.file)

    async def load(self) -> None:
        """Take over what an earlier daemon left, and run it."""
        self.record, why = await self._store.load()
        await self.stand()
        if why:
            log.error("%s", why)
            lost = f"{why}; what was applied before is forgotten: send it again, with any revision"
            self.notices = (Problem("", lost, "internal"), *self.notices)

    def understand(self, record: TwinRecord) -> Understood:
        """Raises `SpecRejected`."""
        return understand(record, self.file, self._folder)

    async def keep(self, record: TwinRecord) -> None:
        """From now on that is on the disk. Raises `StorageError`; then it is as if nothing had been asked."""
        await self._store.save(record)
        self.record = record

    async def keep_anyway(self, record: TwinRecord) -> None:
        """For what is decided already: without a disk it holds until the daemon ends."""
        self.record = record
        try:
            await self._store.save(record)
        except StorageError as error:
            log.error("what became of the last change is not on the disk: %s", error)

    async def stand(self) -> None:
        """Run what the record says or, where that is not valid any more, as much of it as is.

        What failed before is tried again.
        """
        self.notices = ()
        if self.record.applied is None and not self.fits(self.record):
            log.error("the local patches do not fit the file's spec any more, and are dropped")
            await self.keep_anyway(self.record.without_overlay())
            dropped = "the local patches did not fit the file's spec any more, and were dropped"
            self.notices = (Problem("", dropped),)
        self._running = self._best()
        self._device.apply(self._running.plan, afresh=True)
        self.sweep_models()

    def take(self, goal: Understood) -> None:
        """A trial was kept: it runs already."""
        self._running = goal
        self.sweep_models()

    def sweep_models(self, *plans: Plan) -> None:
        """Delete those that neither what runs brings, nor what is at work, nor the file's own spec (to which
        ``--reset-spec`` goes back), nor ``plans``."""
        kept = [*plans, self.running.plan, self.understand(TwinRecord()).plan]
        if self.record.candidate is not None:
            with contextlib.suppress(SpecRejected):
                kept.append(self.understand(self.record.commit()).plan)
        self._device.sweep_models(kept, Path(self.file.settings.storage.path))

    def put_back(self) -> None:
        """A trial was not kept."""
        self._device.apply(self.running.plan)

    def clear_all_of(self, record: TwinRecord) -> None:
        """Nobody tells the broker any more what an earlier daemon told, that ran this, or tried it out."""
        try:
            given_up = self.understand(record)
        except SpecRejected:  # it never ran
            return
        self._device.clear_others(given_up.plan)

    def fits(self, record: TwinRecord) -> bool:
        """Whether it is valid on this device."""
        try:
            self.understand(record)
        except SpecRejected:
            return False
        return True

    def _best(self) -> Understood:
        """The whole of the record, else without its patches, else the file's spec."""
        record = self.record
        for kept in (record, record.without_overlay()):
            try:
                return self.understand(kept)
            except SpecRejected as rejected:
                self.notices = (_unfit(kept), *rejected.problems)
                log.error("%s\n%s", self.notices[0].message, rejected)
        return self.understand(TwinRecord())


def _unfit(record: TwinRecord) -> Problem:
    what = f"revision {record.revision}" + (" with its local patches" if record.overlay else "")
    instead = "runs without them" if record.overlay else "is not run, but the file's spec"
    mend = "mend the settings, or send a higher revision"
    return Problem("", f"{what} is not valid on this device any more and {instead}: {mend}")
