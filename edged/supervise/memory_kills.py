"""Whether the kernel killed a process because memory ran out: SIGKILL alone does not tell."""

from __future__ import annotations

import re
from pathlib import Path

VMSTAT = Path("/proc/vmstat")
RECENT_S = 5.0
"""A large process takes its time to end; and the tick may have seen the count before."""
_COUNTER = re.compile(rb"^oom_kill (\d+)$", re.MULTILINE)


class MemoryKills:
    """The kernel's count of its own kills (proc(5), since Linux 4.13), those within a control group included.

    It counts all processes of the machine and is raised before the signal is sent, so whoever finds a killed
    child and a count that has just risen may take that for the reason.
    """

    def __init__(self, vmstat: Path = VMSTAT) -> None:
        self._vmstat = vmstat
        self._seen: int | None = None
        self._rose_s: float | None = None

    def look(self, now_s: float) -> None:
        """Call it about twice a second."""
        before, self._seen = self._seen, self._read()
        if before is not None and self._seen is not None and self._seen > before:
            self._rose_s = now_s

    def just_now(self, now_s: float) -> bool:
        """Whether there was one in the last seconds. False where the kernel does not tell."""
        self.look(now_s)
        return self._rose_s is not None and now_s - self._rose_s <= RECENT_S

    def _read(self) -> int | None:
        try:
            found = _COUNTER.search(self._vmstat.read_bytes())
        except OSError:
            return None
        return int(found[1]) if found is not None else None
