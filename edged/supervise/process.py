"""What the supervisor knows of one kind of process, and of one that ended."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edged.supervise.channel import Packet
from edged.supervise.heartbeat import Activity, Heartbeat

START_LANE = 7
"""The lane on which main sets the deadline for a child to come up; the child's preamble clears it."""

MAINS_TO_ORDER = frozenset({signal.SIGINT, signal.SIGHUP})
"""Signals that a terminal or a service manager may send to a whole process group. What they mean is main's
to decide: children ignore them."""


@dataclass(frozen=True, slots=True)
class ProcessKind:
    """One row of the process table."""

    name: str
    module: str
    purpose: str
    start_s: float
    """Seconds from exec to the first line of ``run``, imports included, on a slow device."""
    stop_s: float
    """Seconds from `Stop` to SIGKILL."""
    stop_order: int
    """Lower stops first: the order follows the data."""
    restart: bool = True
    """Started anew when it ends; False for the short-lived."""


@dataclass(frozen=True, slots=True)
class ChildExit:
    """How a child ended, and what it was doing."""

    name: str
    code: int
    """Exit status; negative: the signal, as in `subprocess`."""
    overdue: Activity | None
    """The lane for which the supervisor killed it; None when it ended by itself."""
    stopped: bool
    """It had been stopped by a signal (SIGSTOP) when it was found silent."""
    activities: tuple[Activity, ...]
    wanted: bool
    """It is started anew, if its kind is."""
    ordered: bool = False
    """It was told to end, for good or to be started anew."""
    out_of_memory: bool = False
    """The kernel killed something for want of memory just then: most likely this."""

    @property
    def reason(self) -> str:
        """In words, for a log line or a status."""
        if self.overdue is not None:
            job, source = self.overdue.job, self.overdue.source
            what = self.overdue.phase + (f" of {job}" if job else "") + (f" on {source}" if source else "")
            stopped = "; it was stopped by a signal" if self.stopped else ""
            return f"was silent past its deadline ({what}{stopped})"
        if self.code < 0:
            why = ", for memory ran out" if self.out_of_memory else ""
            return f"was killed by {signal.Signals(-self.code).name}{why}"
        return f"exited with {self.code}"

    @property
    def suspects(self) -> tuple[Activity, ...]:
        """The runs that may have brought it down: never those of a child that others ended."""
        if self.stopped or (self.overdue is None and self.code in (0, -signal.SIGKILL, -signal.SIGTERM)):
            return ()
        if self.overdue is not None:
            return (self.overdue,) if self.overdue.job else ()
        return tuple(activity for activity in self.activities if activity.job)


class ChildOwner(Protocol):
    """Who speaks with a child. Called from main's loop; must not block."""

    def on_start(self, name: str) -> None:
        """A (new) process is up: send it its whole specification."""

    def on_packet(self, name: str, packet: Packet) -> None:
        """It sent something. The owner closes the packet's descriptors."""

    def on_exit(self, death: ChildExit, heartbeat: Heartbeat) -> None:
        """It ended, and all it had sent was delivered. The heartbeat's gauges can still be read."""


def is_stopped(pid: int) -> bool:
    """Whether a process is in state T or t (proc(5)): stopped by a signal or a tracer."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] in ("T", "t")
