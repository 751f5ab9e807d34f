"""Keeps the wanted children running: starts, watches, ends and replaces them.

The only place where a child process is started, found hung, killed or started anew. It knows names,
kinds and deadlines, not video. Everything runs in main's first thread on its event loop: children
die with the thread that started them, and no lock is needed.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import Callable, Sequence

from edged.errors import ChannelClosed
from edged.model.messages import Stop
from edged.supervise.backoff import Backoff
from edged.supervise.heartbeat import Activity, Heartbeat
from edged.supervise.losses import Losses
from edged.supervise.memory_kills import MemoryKills
from edged.supervise.process import START_LANE, ChildExit, ChildOwner, ProcessKind, is_stopped
from edged.supervise.spawn import Spawned, spawn

TICK_S = 0.5
_LATE_S = 1.0
_STABLE_S = 20.0
_STAGGER_S = 0.05
_MAX_PACKETS = 64

log = logging.getLogger("edged.supervisor")


class _Child:
    """One wanted process and its present incarnation, if there is one."""

    def __init__(self, name: str, kind: ProcessKind, owner: ChildOwner) -> None:
        self.name = name
        self.kind = kind
        self.owner = owner
        self.backoff = Backoff(0.5, 30.0, floor_s=0.05)
        self.wanted = True
        self.spawned: Spawned | None = None
        self.started_at = 0.0
        self.start_at: float | None = None
        """Loop time of the next start; None while it runs or is not to run again."""
        self.stop_by: float | None = None
        self.overdue: Activity | None = None
        self.stopped = False
        self.closed = False
        self.ordered = False
        """Its present incarnation was told to end."""


class Supervisor:
    """Level-triggered: `start` says what is wanted, and that stays so until `stop`."""

    def __init__(
        self, *, log_level: str = "INFO", on_tick: Callable[[float], None] = lambda late_s: None
    ) -> None:
        self.losses = Losses()
        """Children that died unasked and are replaced."""
        self._memory_kills = MemoryKills()
        self._children: dict[str, _Child] = {}
        self._log_level = log_level
        self._on_tick = on_tick
        self._next_start = 0.0
        self._idle = asyncio.Event()

    # ---- what is wanted ----

    def start(self, name: str, kind: ProcessKind, owner: ChildOwner, *, stagger: bool = True) -> None:
        """Want a child from now on. Starts are spread a little, so that a boot is no stampede.

        One that is just being stopped is started anew when it has ended.
        """
        leaving = self._children.get(name)
        if leaving is not None:
            if leaving.wanted:
                raise ValueError(f"{name} is already wanted")
            leaving.wanted, leaving.kind, leaving.owner = True, kind, owner
            return
        child = self._children[name] = _Child(name, kind, owner)
        now = self._now()
        due = max(now, self._next_start) if stagger else now
        self._next_start = due + _STAGGER_S
        child.start_at = due
        self._idle.clear()
        asyncio.get_running_loop().call_at(due, self._start_due)

    def stop(self, name: str) -> None:
        """Want it no longer: `Stop`, then SIGKILL when its kind's grace is over."""
        child = self._children.get(name)
        if child is None or not child.wanted:
            return
        child.wanted = False
        if child.spawned is None:
            self._forget(child)
            return
        child.ordered = True
        child.stop_by = self._now() + child.kind.stop_s
        try:
            child.spawned.channel.send(Stop())
        except ChannelClosed:
            child.stop_by = self._now()

    def send(self, name: str, message: object, fds: Sequence[int] = (), *, will_retry: bool = False) -> bool:
        """Send to a running child. False: it is not running, and gets all by `on_start` when it is.

        A child that does not read its channel is as good as hung: it is killed and started anew.
        Whoever says ``will_retry`` gets False then too, and leaves the verdict to the heartbeat.
        """
        child = self._children.get(name)
        if child is None or child.spawned is None:
            return False
        try:
            if child.spawned.channel.send(message, fds):
                return True
        except ChannelClosed:
            return False
        if not will_retry:
            log.warning("%s does not read its channel: killed", name)
            self._kill(child)
        return False

    def pass_on(self, name: str, body: bytes) -> bool:
        """Send bytes that only it understands. False: it is not running, or has no room for them now."""
        child = self._children.get(name)
        if child is None or child.spawned is None:
            return False
        try:
            return child.spawned.channel.send_raw(body)
        except ChannelClosed:
            return False

    def restart(self, name: str) -> None:
        """End it by force, if it runs; it is started anew at once."""
        child = self._children.get(name)
        if child is None or not child.wanted:
            return
        child.backoff.reset()
        if child.spawned is not None:
            child.ordered = True
            self._kill(child)
        else:
            child.start_at = self._now()
            self._start_due()

    def is_running(self, name: str) -> bool:
        child = self._children.get(name)
        return child is not None and child.spawned is not None

    def pids(self) -> dict[str, int]:
        """Process ids of the running children by name."""
        running = ((child.name, child.spawned) for child in self._children.values())
        return {name: spawned.popen.pid for name, spawned in running if spawned is not None}

    def heartbeat(self, name: str) -> Heartbeat | None:
        """The page of a running child; None while it is not running."""
        child = self._children.get(name)
        return child.spawned.heartbeat if child is not None and child.spawned is not None else None

    def next_start_ns(self, name: str) -> int:
        """On the monotonic clock: when a child that is to run and does not is started; else 0."""
        child = self._children.get(name)
        return int(child.start_at * 1e9) if child is not None and child.start_at is not None else 0

    # ---- the loop ----

    async def run(self) -> None:
        """Tick until cancelled. The only source of `on_tick`, from which the watchdog is fed."""
        expected = self._now() + TICK_S
        graced = False
        while True:
            await asyncio.sleep(max(0.0, expected - self._now()))
            now = self._now()
            late_s = now - expected
            self._memory_kills.look(now)
            expected = now + TICK_S
            # after a suspend every deadline is past: one round's grace, but never two in a row
            graced = late_s >= _LATE_S and not graced
            if not graced:
                self._check()
            self._start_due()
            self._on_tick(late_s)

    async def stop_all(self, *, up_to: int) -> None:
        """Stop order follows the data: each rank is signalled, then joined, then killed."""
        ranks = {child.kind.stop_order for child in self._children.values()}
        for rank in sorted(rank for rank in ranks if rank <= up_to):
            names = [child.name for child in self._children.values() if child.kind.stop_order == rank]
            for name in names:
                self.stop(name)
            await self._gone(names)

    def kill_all(self) -> None:
        """The last resort: SIGKILL to whatever is left."""
        for child in tuple(self._children.values()):
            child.wanted = False
            if child.spawned is None:
                self._forget(child)
            self._kill(child)

    async def _gone(self, names: Sequence[str]) -> None:
        while any(name in self._children for name in names):
            self._check()
            self._idle.clear()
            try:
                await asyncio.wait_for(self._idle.wait(), 0.05)
            except TimeoutError:
                continue

    def _check(self) -> None:
        now, now_ns = self._now(), time.monotonic_ns()
        for child in tuple(self._children.values()):
            if child.spawned is None or child.overdue is not None:
                continue
            if child.stop_by is not None:
                if now >= child.stop_by:
                    level = logging.WARNING if child.kind.restart else logging.DEBUG
                    log.log(level, "%s did not stop within %.1f s: killed", child.name, child.kind.stop_s)
                    child.stop_by = None
                    self._kill(child)
                continue
            child.overdue = child.spawned.heartbeat.overdue(now_ns)
            if child.overdue is not None:
                child.stopped = is_stopped(child.spawned.popen.pid)
                self._kill(child)

    # ---- one child ----

    def _start_due(self) -> None:
        now = self._now()
        for child in tuple(self._children.values()):
            if child.wanted and child.start_at is not None and now >= child.start_at:
                self._spawn(child)

    def _spawn(self, child: _Child) -> None:
        child.start_at = None
        try:
            spawned = spawn(child.kind.module, child.name, log_level=self._log_level)
        except OSError as error:
            delay_s = child.backoff.next_delay_s()
            log.error("%s cannot be started: %s; again in %.1f s", child.name, error, delay_s)
            if child.kind.restart:
                self.losses.add(child.name, f"cannot be started: {error}", time.monotonic_ns())
            child.start_at = self._now() + delay_s
            return
        spawned.heartbeat.beat("start", child.kind.start_s, lane=START_LANE)
        child.spawned, child.started_at = spawned, self._now()
        child.overdue, child.stop_by = None, None
        child.stopped = child.closed = child.ordered = False
        loop = asyncio.get_running_loop()
        loop.add_reader(spawned.pidfd, self._exited, child)
        loop.add_reader(spawned.channel.fileno(), self._readable, child)
        log.debug("%s started (pid %d)", child.name, spawned.popen.pid)
        child.owner.on_start(child.name)

    def _readable(self, child: _Child) -> None:
        self._drain(child)
        if child.spawned is not None and child.closed:
            asyncio.get_running_loop().remove_reader(child.spawned.channel.fileno())

    def _drain(self, child: _Child) -> int:
        """Deliver some of what it sent, so that one child cannot keep the loop to itself."""
        for delivered in range(_MAX_PACKETS):
            if child.spawned is None or child.closed:
                return delivered
            try:
                packet = child.spawned.channel.receive()
            except ChannelClosed:
                child.closed = True
                return delivered
            if packet is None:
                return delivered
            try:
                child.owner.on_packet(child.name, packet)
            except (
                KeyError,
                TypeError,
                ValueError,
            ) as error:  # an algorithm can write to its worker's channel
                log.error("%s sent what is no message (%r): killed", child.name, error)
                child.closed = True
                self._kill(child)
                return delivered
        return _MAX_PACKETS

    def _exited(self, child: _Child) -> None:
        spawned = child.spawned
        if spawned is None:
            return
        while self._drain(child):
            continue
        loop = asyncio.get_running_loop()
        loop.remove_reader(spawned.pidfd)
        loop.remove_reader(spawned.channel.fileno())
        code = spawned.popen.wait()
        activities = () if code == 0 else spawned.heartbeat.activities()
        death = ChildExit(
            child.name,
            code,
            child.overdue,
            child.stopped,
            activities,
            child.wanted,
            child.ordered,
            out_of_memory=code == -signal.SIGKILL and self._memory_kills.just_now(self._now()),
        )
        child.spawned = None
        if child.wanted and child.kind.restart:
            self._plan_restart(child, death)
        else:
            self._forget(child)
        child.owner.on_exit(death, spawned.heartbeat)
        spawned.release()

    def _plan_restart(self, child: _Child, death: ChildExit) -> None:
        now = self._now()
        if now - child.started_at > _STABLE_S:
            child.backoff.reset()
        first = child.backoff.attempts == 0
        delay_s = child.backoff.next_delay_s()
        if first:
            delay_s = 0.0
        if not death.ordered:
            self.losses.add(child.name, death.reason, time.monotonic_ns())
        level = logging.DEBUG if death.ordered else logging.WARNING
        log.log(level, "%s %s; started again in %.1f s", child.name, death.reason, delay_s)
        child.start_at = now + delay_s
        asyncio.get_running_loop().call_at(child.start_at, self._start_due)

    def _kill(self, child: _Child) -> None:
        if child.spawned is not None:
            child.spawned.popen.send_signal(signal.SIGKILL)

    def _forget(self, child: _Child) -> None:
        if self._children.get(child.name) is child:
            del self._children[child.name]
        self._idle.set()

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
