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
        lines = plain_lines(super().format(record))
        prefix = f"<{_PRIORITIES.get(record.levelno, 6)}>" if self._journald else ""
        return "\n".join(prefix + line for line in lines)


def plain_lines(text: str) -> list[str]:
    """A message of one or more lines, without what a terminal would take for an order.

    All but the first are indented: what came over the network cannot pass for a message of its own.
    """
    first, *more = text.split("\n")
    return [_plain(line) for line in (first, *(f"  {line}" for line in more))]


def _plain(line: str) -> str:
    return line if line.isprintable() else "".join(map(_plain_character, line))


def _plain_character(character: str) -> str:
    is_plain = character.isprintable() or character == "\t"
    return character if is_plain else character.encode("unicode_escape", "backslashreplace").decode()
