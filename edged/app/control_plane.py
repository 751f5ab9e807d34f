"""What the network may do with a running device, put together: twin, commands, snapshots, discovery."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

from edged.app.homeassistant import HomeAssistant
from edged.app.inbox import Inbox
from edged.app.link import BrokerLink
from edged.app.retained import RetainedMemory
from edged.control.clips import Clips
from edged.control.commands.context import Context, Facts
from edged.control.commands.desk import CommandDesk, build_desk
from edged.control.commands.probe import SourceProber
from edged.control.device import Device
from edged.control.proof_desk import ProofDesk
from edged.control.recordings import Recordings
from edged.control.snapshots import Snapshots
from edged.control.told_clips import LAG_S
from edged.control.trial import Understood
from edged.control.twin import Twin
from edged.control.twin_store import TwinStore
from edged.mqtt.message import Received
from edged.mqtt.topics import Topics
from edged.settings import Loaded
from edged.storage.database import Database
from edged.supervise.process import ProcessKind
from edged.supervise.supervisor import Supervisor

Run = Callable[[Coroutine[None, None, None]], None]

_NOTE_EVERY_S = 0.5
"""Written only when another set of topics is kept."""


_MOST_EARLY = 64
"""Messages; beyond them they stay unacknowledged, and the broker sends them again at the next connect."""
_STOP_S = 1.0
"""For each part, of the few that the service manager gives the whole daemon."""

log = logging.getLogger("edged")


class ControlPlane:
    """Belongs to the daemon, which says when it starts, ticks and stops."""

    def __init__(
        self,
        config: Path,
        loaded: Loaded,
        topics: Topics,
        database: Database,
        supervisor: Supervisor,
        kinds: Mapping[str, ProcessKind],
        device: Device,
        link: BrokerLink,
    ) -> None:
        self._file = loaded
        self._device = device
        self._link = link
        folder, storage = config.absolute().parent, Path(loaded.settings.storage.path)
        self.twin = Twin(
            device,
            ProofDesk(supervisor, kinds["prover"]),
            TwinStore(storage / "twin.json", database.background),
            link,
            topics,
            file=loaded,
            folder=folder,
        )
        self._snapshots = Snapshots(device, link, topics)
        self._clips = Clips(
            device, link, topics, is_kept=lambda: not database.trouble and database.lag_s < LAG_S
        )
        self._recordings = Recordings(lambda: device.plan.keeping)
        self._prober = SourceProber(supervisor, kinds["probe"], lambda: self._file, folder)
        self._topics = topics
        self._database = database
        self._retained = RetainedMemory(database, storage / "retained.json", link)
        self._home = HomeAssistant(
            topics,
            link,
            database,
            storage / "homeassistant.json",
            enabled=loaded.settings.mqtt.discovery is not None,
        )
        self._inbox: Inbox | None = None
        self._early: list[Received] = []
        """What came before there was an inbox; bounded, and not acknowledged yet."""
        self._desk: CommandDesk | None = None
        self._told: Understood | None = None

    async def start(self, run: Run, facts: Facts, order_restart: Callable[[], None]) -> None:
        """Run what worked last, and take what comes; ``run`` keeps a task going as long as the daemon."""
        self._device.on_counts = self._home.on_counts
        self._snapshots.start()
        self._clips.start()
        await self.twin.start()
        await self._retained.clear_all_but(lambda: self._device.kept_topics)
        context = Context(
            twin=self.twin,
            device=self._device,
            snapshots=self._snapshots,
            prober=self._prober,
            facts=facts,
            rebirth=self._link.rebirth,
            order_restart=order_restart,
            clips=self._clips,
            recordings=self._recordings,
        )
        self._desk = build_desk(context, self._database, self._topics, self._link, self._link)
        self._inbox = Inbox(self._topics, self.twin, self._desk)
        for received in self._early:
            self._inbox.put(received)
        self._early.clear()
        await self._desk.start()
        run(self._inbox.run())
        run(self._home.run())
        run(self._remember_retained())
        run(self._recordings.run())
        self.tick()

    async def stop(self) -> None:
        """Take nothing more in, and answer what was taken; a disk that does not answer is left behind."""
        self._device.models.close()
        desk = [self._desk.stop] if self._desk is not None else []
        for stop in (*desk, self._snapshots.stop, self.twin.stop, self._note_retained):
            try:
                async with asyncio.timeout(_STOP_S):
                    await stop()
            except TimeoutError:
                log.warning("what was at work is given up: the disk does not answer")

    async def forget_told_clips(self) -> None:
        """After an orderly stop, when all that was published is on the disk or with the broker."""
        await self._clips.forget_all_told()

    async def reload(self, loaded: Loaded) -> None:
        """The device's file was read again."""
        self._file = loaded
        await self.twin.reload(loaded)

    def tick(self) -> None:
        """Pass on what changed; called about twice a second, also while `start` waits for a slow disk."""
        if self._desk is None:
            return
        self._clips.tick()
        if self.twin.running is not self._told:
            self._told = self.twin.running
            self._home.update(self._told.loaded.settings.spec)

    def heard(self, received: Received) -> None:
        """A message from the broker. What comes before `start` is over waits for that."""
        if self._home.heard(received):
            return
        if self._inbox is not None:
            self._inbox.put(received)
        elif len(self._early) < _MOST_EARLY:
            self._early.append(received)

    @property
    def storage_trouble(self) -> str:
        """Why nothing outlives a restart now; empty when all is well."""
        return self._database.trouble

    @property
    def recordings(self) -> Mapping[str, Any]:
        """What there is of them, and what became of clips; empty: there never were any."""
        clips, kept = self._clips.stats(), self._recordings.stats()
        ever = any(clips.values()) or kept["files"] or kept["deleted"] or "error" in kept
        return {**kept, "clips": clips} if ever else {}

    @property
    def refused(self) -> Mapping[str, int]:
        """What came and had no effect, by reason."""
        counts: Counter[str] = Counter()
        for part in (self._inbox, self._desk):
            if part is not None:
                counts.update(part.refused)
        counts["unasked"] = self._link.client.counters.unasked
        return +counts

    async def _remember_retained(self) -> None:
        while True:
            await self._note_retained()
            await asyncio.sleep(_NOTE_EVERY_S)

    async def _note_retained(self) -> None:
        """What the broker keeps, until it has said that it keeps it no longer."""
        await self._retained.note(self._device.kept_topics | self._link.clearing)
