"""Notices a live source that is decoded slower than it sends. Pure.

As long as reading has to wait for packets, nothing lies unread and there is no lag. When it never
waits, packets pile up in the socket: the lag is then what they fall behind their stamps since the
last time that reading waited.
"""

from __future__ import annotations

WAITED_NS = 2_000_000
"""A read that took this long waited for the source."""
LAG_US = 2_000_000


class LagGuard:
    """Says from when to when packets are skipped, so that a slow device shows the present."""

    def __init__(self) -> None:
        self._edge_us: int | None = None
        self._edge_ns = 0
        self.skipping = False

    def look(self, raw_us: int | None, now_ns: int, waited_ns: int, *, keyframe: bool) -> bool:
        """Whether to skip this packet. It ends at the first keyframe after reading has caught up."""
        if raw_us is None:
            return self.skipping
        caught_up = waited_ns >= WAITED_NS or self._edge_us is None or raw_us < self._edge_us
        if caught_up:
            self._edge_us, self._edge_ns = raw_us, now_ns
        if not self.skipping:
            self.skipping = self._lag_us(raw_us, now_ns) > LAG_US
        elif keyframe and self._lag_us(raw_us, now_ns) < LAG_US // 4:
            self.skipping = False
        return self.skipping

    def _lag_us(self, raw_us: int, now_ns: int) -> int:
        edge_us = raw_us if self._edge_us is None else self._edge_us
        return (now_ns - self._edge_ns) // 1000 - (raw_us - edge_us)
