"""The machine's clocks, as what must outlive a boot needs them."""

from __future__ import annotations

import ctypes
import time
import uuid
from functools import cached_property
from pathlib import Path

_TIME_ERROR = 5
_TIMEX_BYTES = 256
_ASKED_EVERY_NS = 1_000_000_000
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def is_clock_synced() -> bool | None:
    """Whether the kernel's clock is disciplined (adjtimex(2)); None when it does not say."""
    libc = ctypes.CDLL(None, use_errno=True)
    state = libc.adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    return None if state < 0 else bool(state != _TIME_ERROR)


class SystemClock:
    """`edged.model.clock.Clock` of this machine. Cheap: the kernel is asked once a second for `is_synced`."""

    def __init__(self) -> None:
        self._synced: bool | None = None
        self._asked_ns: int | None = None

    @cached_property
    def kernel_boot(self) -> str:
        """Where the kernel does not say: one of this process alone, so that nothing wrong is compared."""
        try:
            return _BOOT_ID.read_text(encoding="ascii").strip()
        except (OSError, ValueError):
            return str(uuid.uuid4())

    def wall_ns(self) -> int:
        return time.time_ns()

    def boottime_ns(self) -> int:
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)

    def is_synced(self) -> bool | None:
        now_ns = self.boottime_ns()
        if self._asked_ns is None or now_ns - self._asked_ns > _ASKED_EVERY_NS:
            self._synced = is_clock_synced()
            self._asked_ns = now_ns
        return self._synced
