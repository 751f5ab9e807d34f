from __future__ import annotations

import time
from pathlib import Path

from edged.model.clock import Clock, moment
from edged.storage.system_clock import SystemClock, is_clock_synced


def test_it_tells_the_clocks_of_this_machine() -> None:
    clock: Clock = SystemClock()
    before_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    now = moment(clock)
    assert before_ns <= now.boottime_ns <= time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    assert abs(now.wall_ns - time.time_ns()) < 60 * 10**9
    assert now.kernel_boot == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert now.synced == is_clock_synced()
    assert moment(clock).boottime_ns > now.boottime_ns
