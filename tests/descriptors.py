"""For tests of what happens when there are no descriptors left."""

from __future__ import annotations

import contextlib
import os
import resource
from collections.abc import Iterator
from pathlib import Path


def open_descriptors() -> list[int]:
    """Those of this process."""
    return [int(entry.name) for entry in Path("/proc/self/fd").iterdir()]


@contextlib.contextmanager
def descriptors_left(number: int) -> Iterator[None]:
    """This process can open ``number`` descriptors and no more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.ExitStack() as stack:
        highest = max(open_descriptors())
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1 + number, hard))
        fillers = []
        with contextlib.suppress(OSError):
            while True:
                fillers.append(os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC))
        for _ in range(number):
            os.close(fillers.pop())
        for fd in fillers:
            stack.callback(os.close, fd)
        yield
