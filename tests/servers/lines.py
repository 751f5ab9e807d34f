"""Waits for what a child prints, with an end."""

from __future__ import annotations

import queue
import threading
from typing import IO


class LineReader:
    """Reads a pipe in a thread; lines wait in order until asked for."""

    def __init__(self, pipe: IO[str]) -> None:
        self._pipe = pipe
        self._lines: queue.Queue[str] = queue.Queue(10_000)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def wait_for(self, prefix: str, for_s: float) -> str:
        """The next line that begins with ``prefix``, dropping those before it.

        Raises `AssertionError` when none came in time or the other end closed.
        """
        seen: list[str] = []
        while True:
            try:
                line = self._lines.get(timeout=for_s)
            except queue.Empty:
                raise AssertionError(f"no line {prefix!r} within {for_s} s; before it: {seen}") from None
            if line.startswith(prefix):
                return line
            if not line:
                raise AssertionError(f"it ended without saying {prefix!r}; before that: {seen}")
            seen.append(line)

    def close(self) -> None:
        """Once the other end is dead."""
        self._thread.join(5)
        self._pipe.close()

    def _read(self) -> None:
        for line in self._pipe:
            self._lines.put(line.rstrip("\n"))
        self._lines.put("")
