"""A program that runs beside the bench, and ends with it whatever happens."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PATIENCE_S = 10.0
_TAIL_LINES = 12


class Program:
    """Started in a process group of its own, so that Ctrl-C comes to the bench alone."""

    def __init__(
        self, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self._command = list(command)
        self._environment = {**os.environ, **(environment or {})}
        self.log = log
        """Where its standard output and error go."""
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """0 before it was started."""
        return self._process.pid if self._process is not None else 0

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Call it from the first thread: the program is told to end (SIGTERM) when that thread does."""
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment,
                process_group=0,
                preexec_fn=_end_with_parent,  # noqa: PLW1509 - a prctl(2), nothing that takes a lock
            )

    def order_stop(self) -> None:
        """SIGTERM."""
        if self._process is not None and self.alive:
            self._process.terminate()

    def end(self) -> int:
        """SIGTERM, and SIGKILL after 10 s; returns the exit code (negative: the signal)."""
        if self._process is None:
            return 0
        self.order_stop()
        try:
            return self._process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            return self.kill()

    def kill(self) -> int:
        """The whole process group, at once."""
        if self._process is None:
            return 0
        if self.alive:
            os.killpg(self._process.pid, signal.SIGKILL)
        return self._process.wait()

    def last_words(self) -> str:
        """The end of its log."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-_TAIL_LINES:])


_LIBC = ctypes.CDLL(None)


def _end_with_parent() -> None:
    """Between fork and exec."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
