"""How commands print tables, for people on a terminal and whole lines for everybody else; and how the
daemon writes to a terminal that may not read.
"""

from __future__ import annotations

import io
import os
import sys
from typing import TextIO

from rich.console import Console

_NO_TERMINAL_WIDTH = 400
"""So that nothing is wrapped or cut in a pipe."""


def console() -> Console:
    """Standard output; colours only on a terminal and without NO_COLOR."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else _NO_TERMINAL_WIDTH)


class Screen(io.TextIOBase):
    """A terminal that is never waited for: what it does not take at once (Ctrl-S, a dead ssh) is dropped.

    It is opened anew, so that no other program that has it open is made non-blocking too.
    """

    encoding = "utf-8"

    def __init__(self, fd: int) -> None:
        self._fd = fd

    @classmethod
    def of(cls, stream: TextIO) -> TextIO:
        """The terminal behind ``stream``; ``stream`` itself where it is none."""
        try:
            path = os.ttyname(stream.fileno())
            return cls(os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC))  # type: ignore[return-value]
        except OSError:
            return stream

    def close(self) -> None:
        if not self.closed:
            os.close(self._fd)
        super().close()

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return os.isatty(self._fd)

    def fileno(self) -> int:
        return self._fd

    def write(self, text: str) -> int:
        """Never blocks. Raises OSError when the terminal is gone."""
        left = text.encode(self.encoding, "replace")
        while left:
            try:
                left = left[os.write(self._fd, left) :]
            except BlockingIOError:
                break
        return len(text)
