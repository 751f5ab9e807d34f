"""What waits to be written to one player: bounded in bytes, and answers before pictures."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

MAX_MEDIA = 2 * 1024 * 1024
"""Bytes of pictures that wait for one player; a single picture may be larger."""
MAX_ANSWERS = 64 * 1024
"""Bytes of answers; a player that asks and never reads is closed."""

Send = Callable[[memoryview], int]


class Outbox:
    """Not-blocking writing; what has begun to be sent is always sent to its end."""

    def __init__(self) -> None:
        self._begun = memoryview(b"")
        self._answers: deque[bytes] = deque()
        self._media: deque[bytes] = deque()
        self._answer_bytes = 0
        self._media_bytes = 0
        self.sent_bytes = 0

    def __bool__(self) -> bool:
        return bool(self._begun or self._answers or self._media)

    def answer(self, data: bytes) -> bool:
        """False: there is no room, the player does not read its answers."""
        if self._answer_bytes + len(data) > MAX_ANSWERS:
            return False
        self._answers.append(data)
        self._answer_bytes += len(data)
        return True

    def picture(self, data: bytes) -> int:
        """0: it will be sent. Else nothing of it is, nor of what waited: so many pictures were dropped."""
        if self._media and self._media_bytes + len(data) > MAX_MEDIA:
            return 1 + self.clear_pictures()
        self._media.append(data)
        self._media_bytes += len(data)
        return 0

    def clear_pictures(self) -> int:
        """Forget the pictures that have not begun to be sent; how many those were."""
        dropped = len(self._media)
        self._media.clear()
        self._media_bytes = 0
        return dropped

    def flush(self, send: Send) -> int:
        """Give ``send`` what there is until it is all gone or the socket is full; bytes sent.

        ``send`` raises BlockingIOError where the socket is full, and OSError where it is broken.
        """
        before = self.sent_bytes
        try:
            while self._begin():
                count = send(self._begun)
                self.sent_bytes += count
                self._begun = self._begun[count:]
        except BlockingIOError:
            pass
        return self.sent_bytes - before

    def _begin(self) -> bool:
        if not self._begun and self._answers:
            self._begun = memoryview(self._answers.popleft())
            self._answer_bytes -= len(self._begun)
        elif not self._begun and self._media:
            self._begun = memoryview(self._media.popleft())
            self._media_bytes -= len(self._begun)
        return bool(self._begun)
