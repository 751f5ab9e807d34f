"""Reports to main from two threads."""

from __future__ import annotations

import threading
from collections import deque

from edged.errors import ChannelClosed
from edged.model.capturing import ClipReport, RecorderReport
from edged.supervise.channel import Channel

_MOST_WAITING = 256
"""A main that reads so little is about to be killed itself."""


class Post:
    """What main has no room for is sent later, in its order. Nothing is raised: who reads the channel
    notices that main is gone.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._lock = threading.Lock()
        self._waiting: deque[ClipReport | RecorderReport] = deque(maxlen=_MOST_WAITING)
        self._error = ""

    def clip(self, report: ClipReport) -> None:
        with self._lock:
            self._waiting.append(report)
            self._send()

    def recorder(self, error: str) -> None:
        """Why not all is recorded; only when that is another than before. Empty: it is."""
        with self._lock:
            if error != self._error:
                self._error = error
                self._waiting.append(RecorderReport(error))
                self._send()

    @property
    def error(self) -> str:
        return self._error

    def flush(self) -> None:
        """Send what main had no room for."""
        if self._waiting:
            with self._lock:
                self._send()

    def _send(self) -> None:
        try:
            while self._waiting and self._channel.send(self._waiting[0]):
                self._waiting.popleft()
        except ChannelClosed:
            self._waiting.clear()
