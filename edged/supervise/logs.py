"""One way to log for main and every child: lines on standard error, which journald or a terminal reads."""

from __future__ import annotations

import logging
import os
import sys

_PRIORITIES = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}


def start_logging(level: str, name: str = "") -> None:
    """Log from ``level`` on; under journald each line carries its priority (sd-daemon(3))."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter(name, journald="JOURNAL_STREAM" in os.environ))
    logging.basicConfig(level=level, handlers=[handler], force=True)


class _Formatter(logging.Formatter):
    def __init__(self, name: str, *, journald: bool) -> None:
        who = f"{name}: " if name else ""
        text = f"{who}%(message)s" if journald else f"%(asctime)s %(levelname)-7s {who}%(message)s"
        super().__init__(text, "%H:%M:%S")
        self._journald = journald

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        if not self._journald:
            return text
        prefix = f"<{_PRIORITIES.get(record.levelno, 6)}>"
        return "\n".join(prefix + line for line in text.splitlines())
