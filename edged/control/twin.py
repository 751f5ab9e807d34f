"""The twin: which spec runs, and the one way by which another one takes its place.

A desired, and a patch alike, is validated as a whole, proved, written to disk as a trial, applied, watched
through its gate, and only then made the one to start from. What fails at any step leaves, or puts back,
what ran before. One change is at work at a time; a newer desired ends it.

What is on the disk is always enough to go on from. A transition that the disk refuses does not happen:
no trial begins, and one that cannot be made final is rolled back. Only a verdict that cannot be written
holds all the same, until the daemon ends, and is written with the next transition.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from edged.control.brief import brief
from edged.control.change import Change, Work, disk_problem
from edged.control.commands.request import CommandFailed
from edged.control.device import Device
from edged.control.footing import Footing
from edged.control.overlay import overlay_after
from edged.control.proof_desk import ProofDesk
from edged.control.publisher import Publisher
from edged.control.trial import Asked, Understood, actions_json, prepare
from edged.control.twin_record import MAX_ATTEMPTS, Applied, Patch, Standing, TwinRecord
from edged.control.twin_report import TwinReport
from edged.control.twin_store import TwinStore
from edged.errors import Problem, SpecRejected, StorageError
from edged.model.twin import Desired, Phase
from edged.mqtt.desired import DesiredRejected
from edged.mqtt.topics import Topics
from edged.settings import Loaded

PREPARING_S = 1800.0
"""The limit of ``preparing``: an engine may be built for many minutes."""
_INTERRUPTED = Problem(
    "", "the device was cut off twice while it tried this; send it with a higher revision", "interrupted"
)
_RESET = Problem(
    "", "the device was put back to its file's spec (--reset-spec); send a higher revision", "interrupted"
)

log = logging.getLogger("edged.twin")


class Twin:
    """Used from the loop's thread only; `start` once, then anything, `stop` at the end."""

    def __init__(
        self,
        device: Device,
        proofs: ProofDesk,
        store: TwinStore,
        publisher: Publisher,
        topics: Topics,
        *,
        file: Loaded,
        folder: Path,
        preparing_s: float = PREPARING_S,
    ) -> None:
        """``folder`` is where relative paths of the file start."""
        self._device = device
        self._proofs = proofs
        self._store = store
        self._footing = Footing(device, store, file, folder)
        self._report = TwinReport(publisher, topics, device.identity.boot)
        self._work = Work(self._footing, device, proofs, self._report, preparing_s)
        self._preparing_s = preparing_s
        self._entry = asyncio.Lock()
        """Held while what comes in is compared and written; not while a change is at work."""
        self._is_validating = False
        self._resumed: Change | None = None
        self._withdrawals: set[asyncio.Task[None]] = set()

    # ---- from start to stop ----

    async def reset(self) -> None:
        """Before `start`: go back to the file's spec. Raises `StorageError`."""
        record, _ = await self._store.load()
        await self._store.save(record.reset(_RESET))
        for given_up in (record, record.commit() if record.candidate is not None else record):
            self._footing.clear_all_of(given_up)

    async def start(self) -> None:
        """Run what worked last, report it, and go on with a change that a crash interrupted."""
        async with self._entry:
            await self._footing.load()
            await self._resume()
            self._tell()
        if self.in_effect_note:
            log.warning("%s", self.in_effect_note)

    async def stop(self) -> None:
        """A change at work is given up. A desired goes on at the next start, and that is no crash.

        So does one that comes later.
        """
        self._work.is_closed = True
        async with self._entry:
            change = await self._work.leave()
            if change is None:
                return
            record = self._footing.record
            is_patch = isinstance(change.wanted, Patch)
            await self._footing.keep_anyway(record.without_candidate() if is_patch else record.postpone())
            _end(change, "the daemon stops")

    async def reload(self, file: Loaded) -> None:
        """The device's file was read again. A change at work begins anew, under the new settings."""
        async with self._entry:
            if self._work.is_closed:
                return
            change = await self._work.cut()
            self._footing.file = file
            await self._footing.stand()
            self._tell()
            if change is not None:
                self._work.begin(change)
        if self.in_effect_note:
            log.warning("%s", self.in_effect_note)

    # ---- what comes from the network ----

    async def desired(self, desired: Desired) -> None:
        """One ``…/desired``. When this returns it may be acknowledged; it is carried out later."""
        async with self._entry:
            if not self._is_new(desired.revision, desired.digest):
                return
            await self._supersede(f"revision {desired.revision}")
            record = self._footing.record.propose(desired)
            if self._work.is_closed:
                record = record.postpone()
            try:
                await self._footing.keep(record)
            except StorageError as error:
                # not decided: sent again, it is tried again
                self._footing.record = self._footing.record.without_candidate()
                self._refuse(desired.revision, desired.digest, [disk_problem(error)])
                return
            self._tell()
            self._work.begin(Change(desired))

    async def desired_rejected(self, rejected: DesiredRejected) -> None:
        """One whose envelope is wrong. One that says which it is, is decided; any other changes nothing."""
        revision, digest = rejected.revision, rejected.digest
        async with self._entry:
            if revision is None or not digest:
                self._refuse(revision, digest, rejected.problems)
            elif self._is_new(revision, digest):
                await self._supersede(f"revision {revision}")
                await self._footing.keep_anyway(
                    self._footing.record.refuse(revision, digest, rejected.problems)
                )
                self._tell()

    async def patch(
        self,
        *,
        merge: Mapping[str, Any] | None = None,
        ops: Sequence[Any] | None = None,
        expect_local: int | None = None,
    ) -> Mapping[str, Any]:
        """Change what runs by an RFC 7396 merge patch or RFC 6902 operations; returns when it is final.

        Raises `SpecRejected` with why it is not valid or was rolled back, and `CommandFailed`: ``conflict``
        when ``expect_local`` is not what is, ``busy``, ``interrupted``. Cancelled, it is given up.
        """
        async with self._entry:
            change = self._proposed(merge, ops, expect_local)
            if change is None:
                return {"local": self.local, "actions": []}
            self._work.begin(change)
        try:
            return await _outcome(change)
        except asyncio.CancelledError:
            self._withdraw_soon(change)
            raise

    def resumed(self) -> Awaitable[Mapping[str, Any]] | None:
        """What the patch comes to that an earlier daemon had in trial, as `patch` says it.

        None: there is none, or it was given up.
        """
        return None if self._resumed is None else _outcome(self._resumed)

    async def validate(self, spec: Mapping[str, Any]) -> Mapping[str, Any]:
        """The whole way of a desired without its effect, beside whatever is at work.

        Nothing is downloaded: the answer names models that are not here, and jobs that could not be proved
        without them. Raises `SpecRejected`; `CommandFailed` (``busy``): one at a time.
        """
        if self._is_validating:
            raise CommandFailed("busy", "another spec is being validated; try again")
        self._is_validating = True
        try:
            goal = self._footing.understand(TwinRecord(applied=Applied(0, "", dict(spec))))
            asked = Asked(self._preparing_s, fetches=False)
            prepared = await prepare(goal, self._footing.running, self._device, self._proofs, asked)
        finally:
            self._is_validating = False
        left_open = {"unfetched": prepared.unfetched, "unproved": prepared.unproved}
        told = {key: list(names) for key, names in left_open.items() if names}
        return {"actions": actions_json(prepared.actions), **told}

    # ---- what is ----

    @property
    def revision(self) -> int:
        """What runs now, trials aside; 0: the file's spec."""
        return self._footing.running.revision

    @property
    def local(self) -> int:
        """Patches on top of it."""
        return self._footing.running.local

    @property
    def origin(self) -> Literal["file", "mqtt"]:
        """Where what runs came from, patches aside."""
        return "mqtt" if self.revision else "file"

    def effective(self) -> Mapping[str, Any]:
        """The spec that runs, patches included, trials aside, as it is written: references unresolved."""
        return self._footing.running.spec

    @property
    def running(self) -> Understood:
        """The same, as this device understands it."""
        return self._footing.running

    @property
    def in_effect_note(self) -> str:
        """Why it is not just the file's spec that runs, for logs; empty when it is."""
        patches = f"{self.local} local patch{'es' if self.local > 1 else ''}" if self.local else ""
        if self.revision:
            beside = f", with {patches}" if patches else ""
            return (
                f"the file's spec is not in effect: revision {self.revision} from MQTT is{beside}"
                " (edged run --reset-spec goes back)"
            )
        return (
            f"the file's spec runs with {patches} from MQTT (edged run --reset-spec drops them)"
            if patches
            else ""
        )

    # ---- below ----

    async def _resume(self) -> None:
        """Rule 3: once more, then never again."""
        footing, candidate = self._footing, self._footing.record.candidate
        if candidate is None:
            return
        change = Change(candidate.wanted)
        log.warning("%s was interrupted, at attempt %d", change.name, candidate.attempts)
        footing.clear_all_of(footing.record.commit())
        if candidate.attempts >= MAX_ATTEMPTS:
            await footing.keep_anyway(footing.record.fail([_INTERRUPTED]))
            return
        try:
            await footing.keep(footing.record.again())
        except StorageError as error:
            # an attempt that cannot be counted might be made at each start, for ever
            footing.record = footing.record.fail([disk_problem(error)])
            return
        if isinstance(change.wanted, Patch):
            self._resumed = change
        self._work.begin(change)

    def _is_new(self, revision: int, digest: str) -> bool:
        """Whether it is to be tried; what is said of any other is said here."""
        record = self._footing.record
        standing = record.standing(revision, digest)
        if standing in (Standing.AGAIN, Standing.AT_WORK):
            self._tell()
        elif standing is Standing.STALE:
            message = f"revision {revision} is lower than the highest known; send it with a higher one"
            self._refuse(revision, digest, [Problem("", message, "stale")])
        elif standing is Standing.CONFLICT:
            message = f"revision {revision} was another spec before; send it with a higher revision"
            self._refuse(revision, digest, [Problem("", message, "conflict")])
        return standing is Standing.NEW

    async def _supersede(self, by: str) -> None:
        change = await self._work.cut()
        if change is None:
            return
        log.warning("%s is superseded by %s", change.name, by)
        if isinstance(change.wanted, Desired):
            wanted = change.wanted
            self._report.tell_of(
                self._footing.record, self.running, Phase.SUPERSEDED, wanted.revision, wanted.digest
            )
        _end(change, f"{by} superseded it")

    def _proposed(
        self, merge: Mapping[str, Any] | None, ops: Sequence[Any] | None, expect_local: int | None
    ) -> Change | None:
        """A patch that may begin; None when it would change nothing."""
        footing = self._footing
        record, running, at_work = footing.record, footing.running, self._work.change
        if at_work is not None:
            raise CommandFailed("busy", f"{at_work.name} is at work; try again when it is decided")
        if expect_local is not None and expect_local != running.local:
            raise CommandFailed("conflict", f"local is {running.local}, not {expect_local}: look again")
        if (running.revision, running.local) != (record.revision, record.local):
            message = f"revision {record.revision} is not valid on this device any more: send another"
            raise CommandFailed("conflict", message)
        overlay = overlay_after(record.overlay, footing.base, merge=merge, ops=ops)
        proposed = record.propose(Patch(overlay))
        if _meaning(footing.understand(proposed.commit())) == _meaning(running):
            return None
        footing.record = proposed  # on the disk from its trial on: before that it has no effect to be undone
        return Change(Patch(overlay))

    def _withdraw_soon(self, change: Change) -> None:
        task = asyncio.create_task(self._withdraw(change))
        self._withdrawals.add(task)
        task.add_done_callback(self._withdrawals.discard)

    async def _withdraw(self, change: Change) -> None:
        """Whoever wanted it does not wait any longer: it is not to be."""
        async with self._entry:
            if self._work.change is not change:
                return
            await self._work.cut()
            await self._footing.keep_anyway(self._footing.record.without_candidate())
            _end(change, "nobody waited for it any longer")

    def _refuse(self, revision: int | None, digest: str, problems: Sequence[Problem]) -> None:
        log.warning("a desired is rejected: %s", brief(problems))
        self._report.tell_of(self._footing.record, self.running, Phase.REJECTED, revision, digest, problems)

    def _tell(self) -> None:
        self._report.tell(self._footing.record, self.running, self._footing.notices)


async def _outcome(change: Change) -> Mapping[str, Any]:
    await change.over.wait()
    if change.ended_by:
        raise CommandFailed("interrupted", f"it was given up, without effect: {change.ended_by}")
    if change.problems:
        raise SpecRejected(change.problems)
    return {"local": change.local, "actions": change.actions}


def _end(change: Change, by: str) -> None:
    change.ended_by = by
    change.over.set()


def _meaning(understood: Understood) -> str:
    """Equal for specs that say the same, however they are written."""
    return json.dumps(understood.loaded.settings.spec.model_dump(mode="json"), sort_keys=True)
