"""Which frames of a source become pictures of an output. Pure."""

from __future__ import annotations

_SLACK = 0.25
"""Of an interval, that a frame may come early: cameras are not punctual, and the grid must not lose half."""
_LOST_S = 1.0


class Pace:
    """At most so many a second, as evenly as the frames allow."""

    def __init__(self, fps: float) -> None:
        self._interval_us = 1e6 / fps
        self._due_us: float | None = None

    def takes(self, pts_us: int) -> bool:
        """Whether the frame with this pts is one; ask once for each, in their order."""
        due_us = self._due_us
        if due_us is None or abs(pts_us - due_us) > _LOST_S * 1e6 + self._interval_us:
            due_us = float(pts_us)  # the first, or the clock is another
        if pts_us < due_us - _SLACK * self._interval_us:
            return False
        # the grid goes on; after a gap it begins anew, so that nothing is made up for
        self._due_us = max(due_us + self._interval_us, pts_us + (1 - _SLACK) * self._interval_us)
        return True


class Timeline:
    """pts of what is encoded: rises always, whatever the source's does."""

    def __init__(self, fps: float) -> None:
        self._step = round(90_000 / fps)
        self._offset = 0
        self._last: int | None = None

    def at(self, pts_us: int) -> int:
        """In 1/90000 s, for a frame with this pts; above all before."""
        pts = pts_us * 9 // 100 + self._offset
        if self._last is not None and pts <= self._last:
            self._offset += self._last + self._step - pts
            pts = self._last + self._step
        self._last = pts
        return pts
