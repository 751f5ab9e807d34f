"""What the processes of a program take: CPU and memory, as the kernel counts them."""

from __future__ import annotations

import time
from dataclasses import dataclass

import psutil

MAIN = "main"
_SHARED_BY_DESCRIPTOR = "/memfd:"
_MB = 2**20


@dataclass(frozen=True, slots=True)
class CpuTime:
    """CPU seconds of a program so far, and when that was."""

    at_s: float
    by_name: dict[str, float]
    """`MAIN` includes all children that have ended."""

    def cores_since(self, before: CpuTime) -> dict[str, float]:
        """The share of one core that each process took since ``before``; their sum is exact.

        A process that ended in between moves what it had taken before to `MAIN`, so one of the two
        may be negative.
        """
        wall_s = max(self.at_s - before.at_s, 1e-9)
        names = sorted({*self.by_name, *before.by_name})
        return {
            name: (self.by_name.get(name, 0.0) - before.by_name.get(name, 0.0)) / wall_s for name in names
        }


@dataclass(frozen=True, slots=True)
class Memory:
    """Of one process, in MB (2^20 bytes)."""

    resident_mb: float
    own_mb: float
    """What only this process has (USS), without the memory that it shares by descriptor: the frame tracks."""


def cpu_time(pid: int) -> CpuTime:
    """Of ``pid`` and all its descendants, by the names they were started with.

    Raises `psutil.NoSuchProcess` when ``pid`` is gone.
    """
    by_name: dict[str, float] = {}
    main = psutil.Process(pid)
    for process in (main, *main.children(recursive=True)):
        try:
            name = MAIN if process.pid == pid else name_of(process)
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        taken_s = times.user + times.system + times.children_user + times.children_system
        by_name[name] = by_name.get(name, 0.0) + taken_s
    return CpuTime(time.monotonic(), by_name)


def memory(pid: int) -> dict[str, Memory]:
    """Of ``pid`` and all its descendants, by the names they were started with."""
    found: dict[str, Memory] = {}
    main = psutil.Process(pid)
    for process in (main, *main.children(recursive=True)):
        try:
            found[MAIN if process.pid == pid else name_of(process)] = memory_of(process)
        except psutil.NoSuchProcess:
            continue
    return found


def memory_of(process: psutil.Process) -> Memory:
    """Raises `psutil.NoSuchProcess` when it is gone."""
    own = sum(
        region.private_clean + region.private_dirty
        for region in process.memory_maps(grouped=True)
        if not region.path.startswith(_SHARED_BY_DESCRIPTOR)
    )
    return Memory(process.memory_info().rss / _MB, own / _MB)


def name_of(process: psutil.Process) -> str:
    """``capture:gate`` for a child of edged; else the program's name and its pid."""
    words = process.cmdline()
    if "--name" in words[:-1]:
        return words[words.index("--name") + 1]
    return f"{process.name()}:{process.pid}"
