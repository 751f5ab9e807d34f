"""When the frames of a source that is read faster than it was recorded are due. Pure."""

from __future__ import annotations

LATE_NS = 1_000_000_000
"""Later than this, what follows is shifted instead of hurried through."""


class Pacer:
    """Frame i is due at start + (pts_i - pts_0)."""

    def __init__(self) -> None:
        self._start_ns: int | None = None
        self._start_us = 0

    def due_ns(self, pts_us: int, now_ns: int) -> int:
        """The monotonic time at which this frame is due; the first one is due now."""
        if self._start_ns is not None:
            due_ns = self._start_ns + (pts_us - self._start_us) * 1000
            if now_ns - due_ns <= LATE_NS:
                return due_ns
        self._start_ns, self._start_us = now_ns, pts_us
        return now_ns
