"""The newest lines of main's log, in memory for `get logs`: without passwords, bounded in lines and bytes."""

from __future__ import annotations

import logging
from collections import deque

from edged.model.clock import rfc3339
from edged.model.redact import redact_text
from edged.supervise.logs import plain_lines

_MOST_LINES = 500
_MOST_BYTES = 128 * 1024
_LINE_CHARACTERS = 500


class RecentLog(logging.Handler):
    """Add it to the root logger. Written by any thread; when it is full the oldest line goes."""

    def __init__(self, *, most_lines: int = _MOST_LINES, most_bytes: int = _MOST_BYTES) -> None:
        super().__init__()
        self._most_lines = most_lines
        self._most_bytes = most_bytes
        self._lines: deque[str] = deque()
        self._bytes = 0
        self.setFormatter(logging.Formatter("%(levelname)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        """Called with the lock held; the lines of a traceback count one by one."""
        try:
            text = redact_text(self.format(record))
        except (TypeError, ValueError, KeyError):  # a message that does not fit its arguments
            self.handleError(record)
            return
        time = rfc3339(int(record.created * 1e9))
        for line in plain_lines(text):
            shown = f"{time} {line}"[:_LINE_CHARACTERS]
            self._lines.append(shown)
            self._bytes += _size(shown)
        while len(self._lines) > self._most_lines or self._bytes > self._most_bytes:
            self._bytes -= _size(self._lines.popleft())

    def lines(self, count: int) -> list[str]:
        """The newest ``count`` at most, oldest first."""
        self.acquire()
        try:
            return list(self._lines)[-count:] if count > 0 else []
        finally:
            self.release()


def _size(line: str) -> int:
    return len(line.encode("utf-8", "replace"))
