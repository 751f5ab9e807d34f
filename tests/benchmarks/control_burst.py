"""A thousand events a second through the outbox: what they cost main, with a broker and without one."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from edged.app.bench.figures import Figure
from edged.app.bench.report import Progress
from edged.errors import EdgedError
from tests.servers.daemon import ALGORITHMS, ROOT, Daemon
from tests.servers.kept_session import KeptSession
from tests.servers.mosquitto import Mosquitto

RATE = 1000
MOST_CORES = 0.5
_FRAMES_A_SECOND = 100
_JOB = "burst"
_SAMPLE_S = 0.25
_PEAK_S = 1.0
_PATIENCE_S = 60.0


@dataclass(slots=True)
class Meter:
    """What main takes, sampled in a thread."""

    pid: int
    samples: list[tuple[float, float]] = field(default_factory=list)
    """Moment, and CPU seconds so far, of main alone."""

    def cores(self) -> float:
        (from_s, before), (until_s, after) = self.samples[0], self.samples[-1]
        return (after - before) / (until_s - from_s)

    def cpu_s(self) -> float:
        return self.samples[-1][1] - self.samples[0][1]

    def peak_cores(self) -> float:
        """Of the busiest second."""
        apart = int(_PEAK_S / _SAMPLE_S)
        pairs = zip(self.samples, self.samples[apart:], strict=False)
        return max(
            ((after - before) / (until_s - from_s) for (from_s, before), (until_s, after) in pairs),
            default=0.0,
        )

    def sample(self) -> None:
        times = psutil.Process(self.pid).cpu_times()
        self.samples.append((time.monotonic(), times.user + times.system))


@dataclass(frozen=True, slots=True)
class Rig:
    broker: Mosquitto
    heard: KeptSession
    daemon: Daemon
    ledger: Path

    def made(self) -> int:
        """How many events the algorithm has made."""
        counts = [int((book.read_text().split() or ["0"])[-1]) for book in self.ledger.iterdir()]
        return max(counts, default=0)

    def came(self) -> int:
        """How many of them have arrived, each counted once."""
        return sum(self.heard.highest.values())

    def wait(self, wanted: int, count: str, progress: Progress) -> None:
        """Until so many were made, or came. Raises `EdgedError` when that takes too long."""
        deadline_s = time.monotonic() + _PATIENCE_S
        while (reached := self.made() if count == "made" else self.came()) < wanted:
            if time.monotonic() > deadline_s:
                raise EdgedError(f"{reached} of {wanted} events {count} within {_PATIENCE_S:.0f} s")
            progress.tick()
            time.sleep(0.02)


def measure(folder: Path, progress: Progress, seconds: float) -> list[Figure]:
    return [
        *_through(folder / "through", progress, seconds),
        *_to_the_disk(folder / "disk", progress, seconds),
    ]


def _through(folder: Path, progress: Progress, seconds: float) -> list[Figure]:
    """With a broker that takes them at once."""
    progress.step(f"{RATE} events a second for {seconds:g} s")
    total = int(RATE * seconds)
    with _rig(folder, total) as rig:
        rig.daemon.start()
        rig.wait(1, "came", progress)
        with _metered(rig.daemon.pid) as meter:
            rig.wait(total, "came", progress)
    return _burst_figures("burst", rig, meter, total)


def _to_the_disk(folder: Path, progress: Progress, seconds: float) -> list[Figure]:
    """Without a broker, which comes when all are made."""
    progress.step(f"{RATE} events a second for {seconds:g} s without a broker, which comes then")
    total = int(RATE * seconds)
    with _rig(folder, total) as rig:
        rig.broker.stop()
        rig.daemon.start()
        rig.wait(1, "made", progress)
        with _metered(rig.daemon.pid) as meter:
            rig.wait(total, "made", progress)
        rig.broker.start()
        rig.wait(1, "came", progress)
        with _metered(rig.daemon.pid) as draining:
            rig.wait(total, "came", progress)
    drained_s = draining.samples[-1][0] - draining.samples[0][0]
    return [
        *_burst_figures("burst without a broker", rig, meter, total),
        Figure("drained afterwards", total / drained_s, "events/s", note=f"within {drained_s:.1f} s"),
        Figure("drained afterwards, main", 1e6 * draining.cpu_s() / total, "µs of CPU an event",
               note=f"{draining.cores():.2f} cores"),
    ]  # fmt: skip


def _burst_figures(name: str, rig: Rig, meter: Meter, total: int) -> list[Figure]:
    took_s = meter.samples[-1][0] - meter.samples[0][0]
    numbers = {(one.boot, one.content["data"]["number"]) for one in rig.heard.heard}
    return [
        Figure(f"{name}, rate", total / took_s, "events/s", note=f"{total} in {took_s:.1f} s"),
        Figure(
            f"{name}, main",
            meter.cores(),
            "cores",
            at_most=MOST_CORES,
            note=f"{1e6 * meter.cpu_s() / total:.0f} µs an event",
        ),
        Figure(f"{name}, main in its busiest second", meter.peak_cores(), "cores"),
        Figure(f"{name}, events that did not come", float(total - len(numbers)), at_most=0),
    ]


@contextmanager
def _rig(folder: Path, total: int) -> Iterator[Rig]:
    """A broker that keeps what it has for the subscriber, and a daemon that is not started yet."""
    ledger = folder / "ledger"
    ledger.mkdir(parents=True)
    job = {
        "algorithm": "bursts",
        "params": {"per_run": RATE // _FRAMES_A_SECOND, "total": total, "ledger": str(ledger)},
        "sampling": {"interval": 0},
        "publish": {"when": "events"},
    }
    source = {"url": f"pattern://testsrc2?size=160x120&rate={_FRAMES_A_SECOND}"}
    spec = {"sources": {"cam": source}, "jobs": {_JOB: job}}
    with (
        Mosquitto(folder / "broker", persistent=True, extra=["max_queued_messages 0"]) as broker,
        KeptSession(broker.port, f"{ROOT}/job/+/+/event") as heard,
    ):
        daemon = Daemon(folder, broker.port, spec, algorithms=[ALGORITHMS])
        try:
            yield Rig(broker, heard, daemon, ledger)
        finally:
            if daemon.process is not None:
                daemon.stop()


@contextmanager
def _metered(pid: int) -> Iterator[Meter]:
    """Samples main until the context ends."""
    meter = Meter(pid)
    over = threading.Event()

    def watch() -> None:
        meter.sample()
        while not over.wait(_SAMPLE_S):
            meter.sample()
        meter.sample()

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield meter
    finally:
        over.set()
        thread.join()
