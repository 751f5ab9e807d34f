"""Stamps that a file can hold, from those that a stream has. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

_BACK_S = 1.0
"""So far back is another beginning; less is disorder."""
_AHEAD_S = 10.0
"""So much more than the time that passed is a jump."""


@dataclass(frozen=True, slots=True)
class Stamped:
    """On the time base of the stream."""

    pts: int
    dts: int
    is_break: bool
    """What was before does not belong into the same file: the stamps jumped."""


class Stamping:
    """Decoding times that rise, and presentation times that are not before them, for packets in their order.

    ``step`` is how long a frame lasts where no stamp tells.
    """

    def __init__(self, time_base: Fraction, step: int) -> None:
        self._ticks_per_ns = 1 / (time_base * 1_000_000_000)
        self._step = max(step, 1)
        self._back = int(Fraction(_BACK_S) / time_base)
        self._ahead = int(Fraction(_AHEAD_S) / time_base)
        self._dts: int | None = None
        self._at_ns = 0

    def stamp(self, pts: int | None, dts: int | None, at_ns: int) -> Stamped:
        """``at_ns``: when it came, on the monotonic clock."""
        last = self._dts
        raw = dts if dts is not None else pts
        if raw is None:
            raw = 0 if last is None else last + self._step
        is_break = last is not None and self._jumped(raw, last, at_ns)
        now = raw if last is None or is_break else max(raw, last + 1)
        self._dts, self._at_ns = now, at_ns
        return Stamped(max(now if pts is None else pts, now), now, is_break)

    def _jumped(self, raw: int, last: int, at_ns: int) -> bool:
        passed = int((at_ns - self._at_ns) * self._ticks_per_ns)
        return last - raw > self._back or raw - last - max(passed, 0) > self._ahead


def by_arrival(at_ns: int, time_base: Fraction) -> int:
    """The stamp of a packet whose own means nothing."""
    return int(at_ns / (time_base * 1_000_000_000))
