"""Notices a live source that is decoded slower than it sends. Pure.

As long as reading has to wait for packets, nothing lies unread and there is no lag. When it never
waits, packets pile up in the socket: the lag is then what they fall behind their stamps since the
last time that reading waited (without stamps: the whole time since then).
"""

from __future__ import annotations

WAITED_NS = 2_000_000
"""A read that took this long waited for the source."""
LAG_US = 2_000_000


class LagGuard:
    """Says from when to when packets are skipped, so that a slow device shows the present."""

    def __init__(self) -> None:
        self._edge_us: int | None = None
        self._edge_ns: int | None = None
        self._since_ns = 0
        self.skipping = False

    def look(self, raw_us: int | None, now_ns: int, waited_ns: int, *, keyframe: bool) -> bool:
        """Whether to skip this packet. It ends at a keyframe once reading has caught up, and in any
        case after as long as it may lag: a source that sends without a pause is not to be caught."""
        if waited_ns >= WAITED_NS or self._is_new_start(raw_us):
            self._edge_us, self._edge_ns = raw_us, now_ns
        lag_us = self._lag_us(raw_us, now_ns)
        if not self.skipping and lag_us > LAG_US:
            self.skipping, self._since_ns = True, now_ns
        elif self.skipping and keyframe:
            tired = now_ns - self._since_ns > LAG_US * 1000
            self.skipping = lag_us > LAG_US // 4 and not tired
            if tired:
                self._edge_us, self._edge_ns = raw_us, now_ns
        return self.skipping

    def _is_new_start(self, raw_us: int | None) -> bool:
        if self._edge_ns is None:
            return True
        return raw_us is not None and (self._edge_us is None or raw_us < self._edge_us)

    def _lag_us(self, raw_us: int | None, now_ns: int) -> int:
        passed_us = (now_ns - (self._edge_ns or 0)) // 1000
        if raw_us is None or self._edge_us is None:
            return passed_us
        return passed_us - (raw_us - self._edge_us)
