"""Trouble that may come again and again, told once."""

from __future__ import annotations

import logging

_REMEMBERED = 100


class Complaints:
    """WARNING the first time, DEBUG after; forgotten once many kinds of trouble were seen."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._told: set[str] = set()

    def tell(self, text: str, key: str | None = None) -> None:
        """``key`` is what makes it the same trouble; None: its text."""
        key = key or text
        self._log.log(logging.DEBUG if key in self._told else logging.WARNING, "%s", text)
        if len(self._told) >= _REMEMBERED:
            self._told.clear()
        self._told.add(key)


class LastError(logging.Handler):
    """Keeps the exception that paho only logs, such as the broker's TLS alert; ``logger`` is paho's."""

    def __init__(self, log: logging.Logger) -> None:
        super().__init__(logging.ERROR)
        self.last: BaseException | None = None
        self.logger = logging.Logger("paho", logging.ERROR)
        self.logger.addHandler(self)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        self._log.debug("paho: %s", record.getMessage())
        first = record.args[0] if isinstance(record.args, tuple) and record.args else None
        if isinstance(first, BaseException):
            self.last = first
