"""What an idle device writes to its disk: a camera, a job whose results nobody keeps, no commands."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from edged.app.bench.figures import Figure
from edged.app.bench.meter import MAIN, name_of
from edged.app.bench.report import Progress
from edged.errors import EdgedError
from tests.servers.daemon import ALGORITHMS, PATTERN, Daemon, Subscriber
from tests.servers.mosquitto import Mosquitto

MOST_MB_A_DAY = 1.0
_DAY_S = 86_400.0
_MB = 1e6
_SETTLE_S = 15.0
"""What the start leaves to be written is written by then."""
_PROOF_BYTES = 1 << 20
_SPEC = {
    "sources": {"cam": {"url": PATTERN}},
    "jobs": {"idle": {"algorithm": "ticks", "sampling": {"interval": 1}, "publish": {"qos": 0}}},
}


@dataclass(frozen=True, slots=True)
class Written:
    """Bytes that a process has made dirty on a disk, and those of them that were taken back."""

    bytes: int
    cancelled_bytes: int


def measure(folder: Path, progress: Progress, minutes: float, settle_s: float = _SETTLE_S) -> list[Figure]:
    """Raises `EdgedError` where the system does not count what is written into ``folder``."""
    progress.step(f"{minutes:g} minutes of an idle device")
    folder.mkdir(parents=True)
    _prove_counting(folder)
    with (
        Mosquitto(folder / "broker") as broker,
        Subscriber(broker.port) as heard,
        Daemon(folder, broker.port, _SPEC, algorithms=[ALGORITHMS]) as daemon,
    ):
        heard.until("job/idle/cam/result")
        _wait(settle_s, progress)
        began_s, before = time.monotonic(), _written_by_all(daemon.pid)
        _wait(60 * minutes, progress)
        past_s, after = time.monotonic() - began_s, _written_by_all(daemon.pid)
        results = len(heard.results("idle", "cam", began_s))
    return _figures(before, after, past_s, results)


def _figures(
    before: Mapping[str, Written], after: Mapping[str, Written], past_s: float, results: int
) -> list[Figure]:
    taken = {name: one.bytes - before.get(name, Written(0, 0)).bytes for name, one in after.items()}
    cancelled = sum(one.cancelled_bytes for one in after.values()) - sum(
        one.cancelled_bytes for one in before.values()
    )
    total = sum(taken.values())
    by_name = ", ".join(f"{name} {count}" for name, count in sorted(taken.items()) if count) or "nobody any"
    return [
        Figure(
            "an idle device writes, scaled to a day",
            total / past_s * _DAY_S / _MB,
            "MB",
            at_most=MOST_MB_A_DAY,
            note=f"{total} bytes in {past_s:.0f} s ({by_name}; {cancelled} cancelled); "
            f"{results} results meanwhile",
        ),
        Figure(
            "what its start wrote",
            sum(one.bytes for one in before.values()) / _MB,
            "MB",
            note="once; bytecode of Python included",
        ),
    ]


def _written_by_all(pid: int) -> dict[str, Written]:
    """By main, which counts its ended children, and those that run."""
    main = psutil.Process(pid)
    found = {}
    for process in (main, *main.children(recursive=True)):
        name = MAIN if process.pid == pid else name_of(process)
        found[name] = _written_by(process.pid)
    return found


def _written_by(pid: int) -> Written:
    """As proc(5) says; needs the rights of the process's owner."""
    lines = Path(f"/proc/{pid}/io").read_text(encoding="ascii").splitlines()
    numbers = {name: int(number) for name, _, number in (line.partition(": ") for line in lines)}
    return Written(numbers["write_bytes"], numbers["cancelled_write_bytes"])


def _prove_counting(folder: Path) -> None:
    """A folder in memory counts nothing: then nothing would be measured."""
    before = _written_by(os.getpid())
    (folder / "proof").write_bytes(bytes(_PROOF_BYTES))
    if _written_by(os.getpid()).bytes - before.bytes < _PROOF_BYTES:
        raise EdgedError(f"{folder} is on no disk whose writes are counted: set TMPDIR to a folder on one")


def _wait(seconds: float, progress: Progress) -> None:
    until_s = time.monotonic() + seconds
    while (left_s := until_s - time.monotonic()) > 0:
        progress.tick()
        time.sleep(min(1.0, left_s))
