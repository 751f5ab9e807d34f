"""One run of the daemon, observed from outside: started, heard, metered for a while, stopped."""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from edged.app.bench.broker import Broker
from edged.app.bench.listener import Listener
from edged.app.bench.meter import CpuTime, Memory, cpu_time, memory
from edged.app.bench.program import Program
from edged.app.bench.results import Arrival, Seen, read_result
from edged.app.bench.scenes import ALGORITHMS, ALGORITHMS_FILE, Scene
from edged.errors import EdgedError

_DEVICE = "bench"
_FIRST_RESULTS_S = 60.0
_LOOK_EVERY_S = 0.25
_STRAGGLERS_S = 1.0


@dataclass(frozen=True, slots=True)
class Window:
    """How long the daemon is observed, once every source gave a result."""

    settle_s: float
    """Before it is metered."""
    seconds: float

    def for_cameras(self, number: int) -> Window:
        """The more of them, the longer what their start left behind takes to settle."""
        return replace(self, settle_s=self.settle_s + number / 4)


@dataclass(frozen=True, slots=True)
class Observation:
    """What one run of the daemon told."""

    start_s: float
    """From exec to the first result at the subscriber."""
    stop_s: float
    """From SIGTERM to the end of main."""
    window_s: float
    until_ns: int
    """Wall time of the window's end."""
    cores: Mapping[str, float]
    """CPU of each process in the window; 1 is a whole core."""
    memory: Mapping[str, Memory]
    """At the window's end."""
    seen: tuple[Seen, ...]
    """The results whose frames were captured in the window."""

    @property
    def total_cores(self) -> float:
        return sum(self.cores.values())


def observe(
    scene: Scene, broker: Broker, window: Window, tick: Callable[[], None] = lambda: None
) -> Observation:
    """Run the daemon on ``scene``; call it from the first thread. ``tick`` is called now and then.

    Raises `EdgedError` when it does not come up, with the end of its log.
    """
    return asyncio.run(_observe(scene, broker, window, tick))


async def _observe(scene: Scene, broker: Broker, window: Window, tick: Callable[[], None]) -> Observation:
    async with running(scene, broker) as daemon:
        started_s = await daemon.first_results(tick)
        await daemon.wait(window.settle_s, tick)
        since_ns, before = time.time_ns(), cpu_time(daemon.pid)
        await daemon.wait(window.seconds, tick)
        until_ns, after = time.time_ns(), cpu_time(daemon.pid)
        taken = memory(daemon.pid)
        await asyncio.sleep(_STRAGGLERS_S)
        arrivals = list(daemon.arrivals)
        stop_s = await daemon.stop()
    return Observation(
        start_s=started_s,
        stop_s=stop_s,
        window_s=_wall_s(before, after),
        until_ns=until_ns,
        cores=after.cores_since(before),
        memory=taken,
        seen=_seen_between(arrivals, since_ns, until_ns),
    )


@asynccontextmanager
async def running(scene: Scene, broker: Broker) -> AsyncIterator[RunningDaemon]:
    """`edged run` on a config made of ``scene``, and a subscriber; both end with the context."""
    with tempfile.TemporaryDirectory(prefix="edged-bench-") as name:
        folder = Path(name)
        prefix = f"edged-bench/{secrets.token_hex(4)}"
        config = _write_config(folder, scene, broker, prefix)
        command = [sys.executable, "-m", "edged", "run", str(config), "--log-level", "warning"]
        program = Program(command, folder / "edged.log")
        listener = Listener(broker.options, f"{prefix}/{_DEVICE}")
        try:
            await listener.start()
            daemon = RunningDaemon(program, listener, frozenset(scene.sources))
            daemon.start()
            yield daemon
        finally:
            program.end()
            await listener.stop()


class RunningDaemon:
    """The daemon's process and what is heard of it. Made by `running`, which also ends it."""

    def __init__(self, program: Program, listener: Listener, sources: frozenset[str]) -> None:
        self._program = program
        self._listener = listener
        self._sources = sources
        self._started_ns = 0

    @property
    def pid(self) -> int:
        return self._program.pid

    @property
    def arrivals(self) -> list[Arrival]:
        return self._listener.arrivals

    def start(self) -> None:
        self._started_ns = time.time_ns()
        self._program.start()

    async def first_results(self, tick: Callable[[], None]) -> float:
        """Wait until every source gave a result; the seconds from exec to the first of them."""
        first = self._listener.first_results
        deadline_s = time.monotonic() + _FIRST_RESULTS_S + 2 * len(self._sources)
        while not await self._listener.until(lambda: self._sources <= first.keys(), _LOOK_EVERY_S):
            tick()
            self._check()
            if time.monotonic() > deadline_s:
                silent = ", ".join(sorted(self._sources - first.keys()))
                raise EdgedError(f"no result of {silent} in time{self._last_words()}")
        return (min(first.values()) - self._started_ns) / 1e9

    async def wait(self, seconds: float, tick: Callable[[], None]) -> None:
        """Let it run. Raises `EdgedError` when it ends by itself."""
        until_s = time.monotonic() + seconds
        while (left_s := until_s - time.monotonic()) > 0:
            await asyncio.sleep(min(left_s, _LOOK_EVERY_S))
            tick()
            self._check()

    async def stop(self) -> float:
        """SIGTERM; the seconds until main was gone."""
        started_s = time.monotonic()
        self._program.order_stop()
        while self._program.alive and time.monotonic() - started_s < _FIRST_RESULTS_S:
            await asyncio.sleep(0.01)
        return time.monotonic() - started_s

    def _check(self) -> None:
        if not self._program.alive:
            raise EdgedError(f"the daemon ended by itself{self._last_words()}")

    def _last_words(self) -> str:
        words = self._program.last_words()
        return f"; the end of its log:\n{words}" if words else ""


def _write_config(folder: Path, scene: Scene, broker: Broker, prefix: str) -> Path:
    """JSON is YAML."""
    algorithms = folder / "algorithms"
    algorithms.mkdir()
    (algorithms / ALGORITHMS_FILE).write_text(ALGORITHMS, encoding="utf-8")
    content = {
        "device": _DEVICE,
        "mqtt": {"url": broker.url, "protocol": broker.protocol, "prefix": prefix},
        "storage": {"path": str(folder / "state")},
        "algorithms": [str(algorithms)],
        "models": [str(scene.models)] if scene.models is not None else [],
        "spec": scene.spec,
    }
    config = folder / "edged.yaml"
    config.touch(mode=0o600)
    config.write_text(json.dumps(content, indent=1), encoding="utf-8")
    return config


def _seen_between(arrivals: list[Arrival], since_ns: int, until_ns: int) -> tuple[Seen, ...]:
    seen = (read_result(arrival) for arrival in arrivals)
    return tuple(one for one in seen if one is not None and since_ns <= one.captured_ns < until_ns)


def _wall_s(before: CpuTime, after: CpuTime) -> float:
    return after.at_s - before.at_s
