"""What is recorded on this device: how much of it is kept, and the list of it.

A thread of its own looks at the disk: one that hangs, a card that is broken or a share that is away,
holds up neither the loop nor the database.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import heapq
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edged.control.commands.request import CommandFailed
from edged.model.clock import rfc3339
from edged.model.recordings import Keeping, RecordedFile, RecordingKind
from edged.storage.recordings_folder import MOST_FILES, RecordingsFolder
from edged.storage.retention import Going, Reason, what_goes

EVERY_S = 30.0
AGAIN_S = 2.0
"""When more is to go than one sweep deletes."""
MOST_AT_ONCE = 500
"""Files that one sweep deletes."""
_NOTICED_S = 1.0
"""Other limits are taken over within this."""
_LIST_WITHIN_S = 5.0
_PERSONS_WORDS = {
    Reason.SOURCE: "the source's max_mb",
    Reason.DEVICE: "recordings.max_mb",
    Reason.DISK: "hardly anything being free on the disk",
}

log = logging.getLogger("edged.recordings")


@dataclass(frozen=True, slots=True)
class Sweep:
    """What one look at the disk found and did."""

    files: tuple[RecordedFile, ...] = ()
    """That are there now, in no order."""
    deleted: tuple[Going, ...] = ()
    more: bool = False
    """Not all that should go is gone yet."""
    trouble: str = ""


class Recordings:
    """Belongs to main's loop. ``keeping`` tells what is kept now."""

    def __init__(self, keeping: Callable[[], Keeping], *, every_s: float = EVERY_S) -> None:
        self.trouble = ""
        """Why they cannot be looked after now, for people; empty when all is well."""
        self.deleted: Counter[str] = Counter()
        """Files, by reason, since the start."""
        self._keeping = keeping
        self._every_s = every_s
        self._folder = RecordingsFolder(Path())
        self._files: tuple[RecordedFile, ...] = ()
        self._bytes = 0
        self._looking: asyncio.Future[Sweep] | None = None
        self._told: set[Reason] = set()

    async def run(self) -> None:
        """Sweep now and then, until it is cancelled."""
        while True:
            keeping = self._keeping()
            sweep = await self._look(delete=True)
            await self._until_due(keeping, AGAIN_S if sweep.more else self._every_s)

    async def _until_due(self, keeping: Keeping, for_s: float) -> None:
        """At most so long, and no longer than ``keeping`` holds: who sets less wants the room now."""
        until_s = time.monotonic() + for_s
        while (left_s := until_s - time.monotonic()) > 0 and self._keeping() == keeping:
            await asyncio.sleep(min(left_s, _NOTICED_S))

    def stats(self) -> Mapping[str, Any]:
        """For `health`: as the last look at the disk found it."""
        return {
            "files": len(self._files),
            "bytes": self._bytes,
            "deleted": dict(self.deleted),
            **({"error": self.trouble} if self.trouble else {}),
        }

    async def listing(self, source: str | None, limit: int) -> Mapping[str, Any]:
        """The newest first. Raises `CommandFailed` while the disk does not answer."""
        try:
            async with asyncio.timeout(_LIST_WITHIN_S):
                await self._look(delete=False)
        except TimeoutError:
            raise CommandFailed("timeout", f"the disk of {self._keeping().folder} does not answer") from None
        if self.trouble and not self._files:
            raise CommandFailed("internal", self.trouble)
        files = [file for file in self._files if source in (None, file.source)]
        newest = heapq.nlargest(limit, files, key=lambda file: (file.start_ns, file.path))
        more = len(files) - len(newest)
        return {
            "folder": self._keeping().folder,
            "recordings": [_entry(file) for file in newest],
            **({"more": more} if more > 0 else {}),
        }

    async def _look(self, *, delete: bool) -> Sweep:
        """One after the other; one that hangs is waited for, and nothing else is begun meanwhile."""
        while self._looking is not None:
            await asyncio.wait({self._looking})
        keeping = self._keeping()
        if not keeping.folder:
            return Sweep()
        if self._folder.path != Path(keeping.folder):
            self._folder = RecordingsFolder(Path(keeping.folder))
        folder, limits = self._folder, keeping if delete else None
        looking = self._looking = _in_thread(lambda: sweep_folder(folder, limits, time.time_ns()))
        looking.add_done_callback(self._looked)
        return await asyncio.shield(looking)

    def _looked(self, looking: asyncio.Future[Sweep]) -> None:
        self._looking = None
        if looking.cancelled():
            return
        sweep = looking.result()
        if sweep.trouble != self.trouble:
            log.log(
                logging.WARNING if sweep.trouble else logging.INFO,
                "%s",
                sweep.trouble or "recordings can be looked after again",
            )
        self.trouble, self._files = sweep.trouble, sweep.files
        self._bytes = sum(file.bytes for file in sweep.files)
        self._tell(Counter(each.reason for each in sweep.deleted))

    def _tell(self, deleted: Counter[Reason]) -> None:
        self.deleted.update({reason.value: count for reason, count in deleted.items()})
        for reason, words in _PERSONS_WORDS.items():
            if deleted[reason]:
                # a full disk stays full: it is said when it begins
                level = logging.DEBUG if reason in self._told else logging.WARNING
                log.log(level, "%d of the oldest recordings deleted because of %s", deleted[reason], words)
                self._told.add(reason)


def sweep_folder(folder: RecordingsFolder, limits: Keeping | None, now_wall_ns: int) -> Sweep:
    """Look, and with ``limits`` delete what is too much. Blocks on the disk; raises nothing."""
    try:
        files = folder.read()
        going = what_goes(files, limits, folder.disk(), now_wall_ns) if limits is not None else []
    except OSError as error:
        return Sweep(trouble=f"recordings in {folder.path} cannot be read: {error.strerror}")
    trouble = f"more than {MOST_FILES} recordings: those beyond are not looked after"
    deleted: list[Going] = []
    try:
        for each in going[:MOST_AT_ONCE]:
            if folder.delete(each.file):
                deleted.append(each)
            source, day, _ = each.file.path.split("/")
            if each.file.kind is RecordingKind.SEGMENT:
                folder.remove_empty(source, day)
    except OSError as error:
        return Sweep(tuple(files), tuple(deleted), False, f"recordings cannot be deleted: {error.strerror}")
    gone = {each.file.path for each in going[:MOST_AT_ONCE]}
    left = tuple(file for file in files if file.path not in gone)
    more = len(going) > MOST_AT_ONCE
    return Sweep(left, tuple(deleted), more, trouble if folder.is_cut_short else "")


def _entry(file: RecordedFile) -> dict[str, Any]:
    """As it travels."""
    lasts_s = (file.changed_ns - file.start_ns) / 1e9
    is_known = file.kind is RecordingKind.SEGMENT and 0 <= lasts_s < 2 * 3600
    return {
        "file": file.path,
        "source": file.source,
        "kind": file.kind.value,
        "start": rfc3339(file.start_ns),
        **({"duration": round(lasts_s, 1)} if is_known else {}),
        "bytes": file.bytes,
        **({"job": file.job} if file.job else {}),
        **({"open": True} if file.is_open else {}),
    }


def _in_thread(work: Callable[[], Sweep]) -> asyncio.Future[Sweep]:
    """A thread that nobody waits for at the end: what hangs in the disk hangs for ever."""
    done: concurrent.futures.Future[Sweep] = concurrent.futures.Future()

    def run() -> None:
        try:
            done.set_result(work())
        except Exception as error:  # noqa: BLE001 — a bug is for whoever waits
            done.set_exception(error)

    threading.Thread(target=run, name="recordings", daemon=True).start()
    return asyncio.wrap_future(done)
