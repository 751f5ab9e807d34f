"""The RTP clock of a stream, whatever its encoder's clock does."""

from __future__ import annotations

from edged.output.rtp.packetizer import CLOCK_HZ

MAX_BACK = CLOCK_HZ
"""Reordered pictures go back less than a second; more is an encoder that started anew."""
MAX_FORWARD = 10 * CLOCK_HZ
_STEP = CLOCK_HZ // 25


class Timeline:
    """pts to RTP timestamps from a random start; a jump becomes one step of 40 ms."""

    def __init__(self, start: int) -> None:
        self._offset = start
        self._last: int | None = None

    def at(self, pts_90k: int) -> int:
        """The timestamp modulo 2^32 of the picture that comes next, in decoding order."""
        last = self._last
        if last is not None and not -MAX_BACK <= pts_90k - last <= MAX_FORWARD:
            self._offset += last + _STEP - pts_90k
        self._last = pts_90k
        return (pts_90k + self._offset) & 0xFFFFFFFF
