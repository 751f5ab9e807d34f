"""What must not get lost when main's channel is full for a moment: a burst, or a main that is busy.

A channel takes some 160 small packets. Main is not waited for: what it has no room for waits here, in order,
up to `LIMIT_BYTES`; then the newest is refused.
"""

from __future__ import annotations

import time
from collections import deque

from edged.supervise.channel import Channel

LIMIT_BYTES = 2 * 1024 * 1024
"""Some 5 s of a thousand events a second."""


class Pending:
    """Used from one thread. Raises `ChannelClosed` when main is gone."""

    def __init__(self, channel: Channel, limit_bytes: int = LIMIT_BYTES) -> None:
        self._channel = channel
        self._limit_bytes = limit_bytes
        self._packets: deque[bytes] = deque()
        self._bytes = 0

    def __bool__(self) -> bool:
        """Something waits."""
        return bool(self._packets)

    def send(self, packet: bytes) -> bool:
        """Now or later, after all that came before. False: there is no room."""
        self.flush()
        if not self._packets and self._channel.send_raw(packet):
            return True
        if self._bytes + len(packet) > self._limit_bytes:
            return False
        self._packets.append(packet)
        self._bytes += len(packet)
        return True

    def flush(self, *, wait_s: float = 0.0) -> None:
        """As much as the channel takes, within ``wait_s``."""
        until_s = time.monotonic() + wait_s
        while self._packets:
            left_s = max(0.0, until_s - time.monotonic()) if wait_s else 0.0
            if not self._channel.send_raw(self._packets[0], wait_s=left_s):
                return
            self._bytes -= len(self._packets.popleft())
