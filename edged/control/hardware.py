"""What this machine is and how the daemon's processes fare on it."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from edged.storage.system_clock import is_clock_synced

__all__ = [
    "ProcessMeter",
    "available_bytes",
    "hardware",
    "is_clock_synced",
    "memory_bytes",
    "temperature_c",
]


def hardware() -> dict[str, Any]:
    """Model, machine, CPUs and memory, for ``info``."""
    return {
        "model": _model(),
        "machine": platform.machine(),
        "kernel": platform.release(),
        "cpus": os.cpu_count(),
        "memory_mb": round(memory_bytes() / 2**20),
    }


def memory_bytes() -> int:
    """All there is."""
    return int(psutil.virtual_memory().total)


def available_bytes() -> int:
    """Memory that can be had without swapping."""
    return int(psutil.virtual_memory().available)


def temperature_c() -> float | None:
    """The hottest thermal zone; None where there is none."""
    found = []
    for zone in Path("/sys/class/thermal").glob("thermal_zone*/temp"):
        try:
            found.append(int(zone.read_text()) / 1000)
        except (OSError, ValueError):
            continue
    return max(found, default=None)


class ProcessMeter:
    """CPU and memory of the daemon's processes; asked every now and then."""

    def __init__(self) -> None:
        self._cpu_s = 0.0
        self._at = time.monotonic()

    def measure(self, pids: Mapping[str, int]) -> tuple[float, float]:
        """CPU since the last call in percent of one core, and resident memory in MB, over all of them."""
        cpu_s, rss = 0.0, 0
        for pid in (os.getpid(), *pids.values()):
            try:
                process = psutil.Process(pid)
                times = process.cpu_times()
                cpu_s += times.user + times.system
                rss += process.memory_info().rss
            except psutil.Error:
                continue
        now = time.monotonic()
        percent = 100 * max(0.0, cpu_s - self._cpu_s) / max(now - self._at, 1e-3)
        self._cpu_s, self._at = cpu_s, now
        return percent, rss / 2**20


def _model() -> str:
    board = Path("/proc/device-tree/model")
    if board.is_file():
        return board.read_text(encoding="utf-8", errors="replace").rstrip("\0")
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
