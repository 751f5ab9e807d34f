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

from edged.app.broker import EmbeddedBroker
from edged.app.link import BrokerLink
from edged.app.live import REFRESH_S, LiveView, wants_live_view
from edged.app.processes import DATA_RANKS, TABLE
from edged.app.reports import Reports
from edged.app.systemd import Notifier
from edged.control.device import Device, Identity
from edged.control.plan import make_plan
from edged.errors import SpecRejected
from edged.model.messages import Pictures
from edged.mqtt.topics import Topics
from edged.settings import Loaded, load_settings
from edged.supervise.logs import start_logging
from edged.supervise.supervisor import Supervisor

EXIT_FINE = 0
EXIT_BUG = 70
_AT_START = ("device", "groups", "mqtt", "storage")
"""Settings that a running daemon does not take over; all others it does at SIGHUP."""

log = logging.getLogger("edged")


def run_daemon(config: Path, *, pictures: Path | None = None, log_level: str = "INFO") -> int:
    """Run until SIGTERM or SIGINT; the exit code.

    Raises `SpecRejected` for a file that is not valid, and OSError for one that cannot be read: what
    the system refuses later is no mistake of the user's, and starting again may help.
    """
    loaded = load_settings(config)
    start_logging(log_level)
    try:
        return asyncio.run(Daemon(config, loaded, pictures=pictures, log_level=log_level).run())
    except OSError as error:
        log.error("the system refuses what the daemon needs", exc_info=error)
        return EXIT_BUG


class Daemon:
    """Main. Everything it starts, it also stops, on this page."""

    def __init__(
        self, config: Path, loaded: Loaded, *, pictures: Path | None = None, log_level: str = "INFO"
    ) -> None:
        self._config = config
        self._loaded = loaded
        settings = loaded.settings
        self._kinds = {kind.name: kind for kind in TABLE}
        self._notifier = Notifier()
        self._supervisor = Supervisor(log_level=log_level, on_tick=self._ticked)
        self._topics = Topics(settings.mqtt.prefix, settings.device)
        self._identity = Identity(
            device=settings.device,
            boot=secrets.token_hex(8),
            pictures=Pictures(str(pictures.absolute())) if pictures is not None else None,
        )
        self._link = BrokerLink(settings, self._topics, self._identity.boot)
        self._device = Device(self._identity, self._supervisor, self._kinds, self._link, self._topics)
        self._reports = Reports(settings, self._topics, self._device, self._supervisor, self._link)
        self._stop = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def run(self) -> int:
        """Start, wait for the order to stop, stop."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._order_stop)
        loop.add_signal_handler(signal.SIGINT, self._order_stop)
        terminal = next((fd for fd in (1, 2) if os.isatty(fd)), None)
        loop.add_signal_handler(signal.SIGHUP, self._hang_up, terminal)
        with ExitStack() as stack:
            if wants_live_view(sys.stdout):
                self._watch(stack.enter_context(LiveView()))
            try:
                await self._start()
                await self._stop.wait()
                return await self._end()
            finally:
                self._supervisor.kill_all()

    async def _start(self) -> None:
        log.info("edged %s starts, boot %s", self._identity.device, self._identity.boot)
        self._run(self._supervisor.run())
        if self._link.embedded is None:
            self._run(self._link.run())
        else:
            broker = EmbeddedBroker(self._link.embedded, self._supervisor, self._kinds["broker"])
            broker.start()
            self._run(self._connect_when_ready(broker))
        self._device.apply(make_plan(self._loaded, self._config.absolute().parent))
        self._notifier.ready()

    async def _end(self) -> int:
        """Stop order follows the data: captures, workers, what they still owe the broker, the broker."""
        self._notifier.stopping()
        failed = any(task.done() for task in self._tasks)
        self._link.stopping()
        await self._supervisor.stop_all(up_to=DATA_RANKS)
        await self._link.stop()
        await self._supervisor.stop_all(up_to=max(kind.stop_order for kind in TABLE))
        for task in self._tasks:
            task.cancel()
        for outcome in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(outcome, Exception):
                log.error("a bug stopped the daemon", exc_info=outcome)
        log.info("edged %s stopped", self._identity.device)
        return EXIT_BUG if failed else EXIT_FINE

    def _order_stop(self) -> None:
        """The first order stops in order; a second one does not wait."""
        if self._stop.is_set():
            log.warning("told to stop twice: killing what is left")
            self._supervisor.kill_all()
        self._stop.set()

    def _hang_up(self, terminal: int | None) -> None:
        """SIGHUP: the end when it means that our terminal was closed, else the order to reload."""
        if self._stop.is_set():
            return
        if terminal is not None and not os.isatty(terminal):
            self._order_stop()
        else:
            self._reload()

    def _reload(self) -> None:
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
            self._device.apply(make_plan(loaded, self._config.absolute().parent))
            log.info("reloaded %s", self._config)
        self._notifier.ready()

    def _ticked(self, _late_s: float) -> None:
        """Right after the supervisor's checks: the one place from which the watchdog is fed."""
        now_s = time.monotonic()
        self._notifier.feed_watchdog(now_s)
        self._notifier.status(self._reports.summary())
        self._reports.tick(now_s)

    async def _connect_when_ready(self, broker: EmbeddedBroker) -> None:
        await broker.ready.wait()
        await self._link.run()

    def _watch(self, view: LiveView) -> None:
        asyncio.get_running_loop().add_reader(view.fileno(), view.relay)
        self._run(self._show(view))

    async def _show(self, view: LiveView) -> None:
        while True:
            view.show(self._reports.overview())
            await asyncio.sleep(REFRESH_S)

    def _run(self, coroutine: Coroutine[None, None, None]) -> None:
        """A task that lasts as long as the daemon: should it end by itself, the daemon stops."""
        task = asyncio.create_task(coroutine)
        task.add_done_callback(lambda _: self._stop.set())
        self._tasks.append(task)
