"""The daemon: how it is built, started and stopped, in the order of the data.

One event loop in the first thread. Nothing here waits for a camera, a broker or an algorithm: what
is away is retried by whoever owns it, and the daemon is up as soon as its loop runs.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import signal
import sys
import time
from collections.abc import Coroutine
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from edged.app.broker import EmbeddedBroker
from edged.app.control_plane import ControlPlane
from edged.app.link import BrokerLink
from edged.app.processes import DATA_RANKS, TABLE
from edged.app.recent_log import RecentLog
from edged.app.reports import Reports
from edged.app.systemd import Notifier
from edged.control.commands.entry import SCHEMA as JOURNAL_SCHEMA
from edged.control.device import Device, Identity
from edged.errors import SpecRejected
from edged.model.messages import Pictures
from edged.mqtt.durable import DurableOutbox
from edged.mqtt.durable_rows import OUTBOX_SCHEMA
from edged.mqtt.message import Received
from edged.mqtt.topics import Topics
from edged.settings import Loaded, load_settings
from edged.settings.schema import OUTBOX_SHARE
from edged.storage.database import Database
from edged.storage.system_clock import SystemClock
from edged.supervise.logs import start_logging
from edged.supervise.supervisor import Supervisor

if TYPE_CHECKING:
    from edged.app.live import LiveView

EXIT_FINE = 0
EXIT_BUG = 70
RESTART = -1
"""In place of an exit code: the daemon was told to start anew."""
_DISK_S = 10.0
"""For a slow disk to open what is kept; then the daemon starts without it, and goes on to try."""
_AT_START = ("device", "groups", "mqtt", "storage")
"""Settings that a running daemon does not take over; all others it does at SIGHUP."""

log = logging.getLogger("edged")


def run_daemon(
    config: Path, *, pictures: Path | None = None, log_level: str = "INFO", reset_spec: bool = False
) -> int:
    """Run until SIGTERM or SIGINT; the exit code, or `RESTART`. ``reset_spec``: go back to the file's spec.

    Raises `SpecRejected` for a file that is not valid, `StorageTaken` beside another daemon in the same
    folder, and OSError for a file that cannot be read: what the system refuses later is no mistake of
    the user's, and starting again may help.
    """
    loaded = load_settings(config)
    start_logging(log_level)
    recent = RecentLog()
    logging.getLogger().addHandler(recent)
    try:
        daemon = Daemon(config, loaded, recent, pictures=pictures, log_level=log_level)
        return asyncio.run(daemon.run(reset_spec=reset_spec))
    except OSError as error:
        log.error("the system refuses what the daemon needs", exc_info=error)
        return EXIT_BUG


class Daemon:
    """Main. Everything it starts, it also stops, on this page."""

    def __init__(
        self,
        config: Path,
        loaded: Loaded,
        recent: RecentLog,
        *,
        pictures: Path | None = None,
        log_level: str = "INFO",
    ) -> None:
        self._config = config
        self._loaded = loaded
        settings = loaded.settings
        self._kinds = {kind.name: kind for kind in TABLE}
        self._notifier = Notifier()
        self._supervisor = Supervisor(log_level=log_level, on_tick=self._ticked)
        self._topics = Topics(settings.mqtt.prefix, settings.device, settings.groups)
        self._identity = Identity(
            device=settings.device,
            boot=secrets.token_hex(8),
            pictures=Pictures(str(pictures.absolute())) if pictures is not None else None,
        )
        path = Path(settings.storage.path) / "edged.db"
        self._database = Database(path, (*OUTBOX_SCHEMA, *JOURNAL_SCHEMA))
        limit_bytes = round(settings.storage.max_mb * 1_000_000 * OUTBOX_SHARE)
        self._outbox = DurableOutbox(self._database, limit_bytes=limit_bytes, clock=SystemClock())
        self._link = BrokerLink(settings, self._topics, self._identity.boot, self._outbox, self._hear)
        self._device = Device(
            self._identity, self._supervisor, self._kinds, self._link, self._topics, self._database.background
        )
        self._plane = ControlPlane(
            config,
            loaded,
            self._topics,
            self._database,
            self._supervisor,
            self._kinds,
            self._device,
            self._link,
        )
        self._reports = Reports(
            settings, self._topics, self._device, self._supervisor, self._link, self._plane, recent
        )
        self._restart = False
        self._reload_wanted = asyncio.Event()
        self._stop = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def run(self, *, reset_spec: bool = False) -> int:
        """Start, wait for the order to stop, stop."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._order_stop)
        loop.add_signal_handler(signal.SIGINT, self._order_stop)
        terminal = next((fd for fd in (1, 2) if os.isatty(fd)), None)
        loop.add_signal_handler(signal.SIGHUP, self._hang_up, terminal)
        with ExitStack() as stack:
            if sys.stdout.isatty():
                self._watch(stack)
            try:
                await self._start(reset_spec=reset_spec)
                await self._stop.wait()
                return await self._end()
            finally:
                self._supervisor.kill_all()

    async def _start(self, *, reset_spec: bool) -> None:
        log.info("edged %s starts, boot %s", self._identity.device, self._identity.boot)
        self._database.start()
        await self._database.opened(within_s=_DISK_S)
        self._outbox.start()
        self._run(self._supervisor.run())
        self._connect()
        if reset_spec:
            await self._plane.twin.reset()
        await self._plane.start(self._run, self._reports, self._order_restart)
        self._run(self._reload_when_told())
        self._notifier.ready()

    def _connect(self) -> None:
        """Before anything runs: the control plane waits for the disk, and first results shall not be lost."""
        if self._link.embedded is None:
            self._run(self._link.run())
            return
        broker = EmbeddedBroker(self._link.embedded, self._supervisor, self._kinds["broker"])
        broker.start()
        self._run(self._connect_when_ready(broker))

    async def _end(self) -> int:
        """Stop order follows the data: captures, workers, what they still owe the broker, the broker."""
        self._notifier.stopping()
        failed = any(task.done() for task in self._tasks)
        self._link.stopping()
        await self._plane.stop()
        await self._supervisor.stop_all(up_to=DATA_RANKS)
        await self._link.stop()
        if await self._database.stop():
            await self._plane.forget_told_clips()
        await self._supervisor.stop_all(up_to=max(kind.stop_order for kind in TABLE))
        for task in self._tasks:
            task.cancel()
        for outcome in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(outcome, Exception):
                log.error("a bug stopped the daemon", exc_info=outcome)
        log.info("edged %s stopped", self._identity.device)
        if failed:
            return EXIT_BUG
        return RESTART if self._restart else EXIT_FINE

    def _order_stop(self) -> None:
        """The first order stops in order; a second one does not wait."""
        if self._stop.is_set():
            log.warning("told to stop twice: killing what is left")
            self._supervisor.kill_all()
        self._stop.set()

    def _order_restart(self) -> None:
        self._restart = True
        self._stop.set()

    def _hear(self, received: Received) -> None:
        self._plane.heard(received)

    def _hang_up(self, terminal: int | None) -> None:
        """SIGHUP: the end when it means that our terminal was closed, else the order to reload."""
        if self._stop.is_set():
            return
        if terminal is not None and not os.isatty(terminal):
            self._order_stop()
        else:
            self._reload_wanted.set()

    async def _reload_when_told(self) -> None:
        while True:
            await self._reload_wanted.wait()
            self._reload_wanted.clear()
            await self._reload()

    async def _reload(self) -> None:
        """Read the file again; what is not valid changes nothing."""
        self._notifier.reloading()
        try:
            loaded = load_settings(self._config)
        except (SpecRejected, OSError) as error:
            log.error("not reloaded, what ran runs on:\n%s", error)
        else:
            started, now = self._loaded.settings, loaded.settings
            later = [name for name in _AT_START if getattr(started, name) != getattr(now, name)]
            if later:
                log.warning("takes effect at the next start: %s", ", ".join(later))
            await self._plane.reload(loaded)
            log.info("reloaded %s", self._config)
        self._notifier.ready()

    def _ticked(self, _late_s: float) -> None:
        """Right after the supervisor's checks: the one place from which the watchdog is fed."""
        now_s = time.monotonic()
        self._notifier.feed_watchdog(now_s)
        self._plane.tick()
        self._notifier.status(self._reports.summary())
        self._reports.tick(now_s)

    async def _connect_when_ready(self, broker: EmbeddedBroker) -> None:
        await broker.ready.wait()
        await self._link.run()

    def _watch(self, stack: ExitStack) -> None:
        from edged.app.live import REFRESH_S, LiveView, wants_live_view  # a service needs no memory for it

        if not wants_live_view(sys.stdout):
            return
        view = stack.enter_context(LiveView())
        asyncio.get_running_loop().add_reader(view.fileno(), view.relay)
        self._run(self._show(view, REFRESH_S))

    async def _show(self, view: LiveView, every_s: float) -> None:
        while True:
            view.show(self._reports.overview())
            await asyncio.sleep(every_s)

    def _run(self, coroutine: Coroutine[None, None, None]) -> None:
        """A task that lasts as long as the daemon: should it end by itself, the daemon stops."""
        task = asyncio.create_task(coroutine)
        task.add_done_callback(lambda _: self._stop.set())
        self._tasks.append(task)
