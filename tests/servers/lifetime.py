"""Nothing that a test starts may outlive it, also when the test run itself is killed."""

from __future__ import annotations

import ctypes
import signal

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


def die_with_the_tests() -> None:
    """``preexec_fn`` of a `subprocess.Popen`: SIGKILL when the thread that started it ends (prctl(2))."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
