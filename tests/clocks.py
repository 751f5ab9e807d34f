"""Clocks that are set by hand: a machine's cannot be had otherwise."""

from __future__ import annotations

from dataclasses import dataclass

from edged.model.clock import Clock

SECOND_NS = 1_000_000_000
DAY_NS = 86_400 * SECOND_NS
START_NS = 1_795_165_200 * SECOND_NS
"""2026-11-20T09:00:00Z."""


@dataclass
class SetClock:
    """An `edged.model.clock.Clock`."""

    wall: int = START_NS
    boottime: int = 60 * SECOND_NS
    kernel_boot: str = "first"
    synced: bool | None = True

    def wall_ns(self) -> int:
        return self.wall

    def boottime_ns(self) -> int:
        return self.boottime

    def is_synced(self) -> bool | None:
        return self.synced

    def pass_by(self, by_ns: int) -> None:
        self.wall += by_ns
        self.boottime += by_ns

    def reboot(self, kernel_boot: str) -> None:
        """It is up again a minute later; the wall clock went on, as one with a battery does."""
        self.wall += 60 * SECOND_NS
        self.boottime = 0
        self.kernel_boot = kernel_boot


_: Clock = SetClock()
