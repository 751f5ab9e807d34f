"""How fast an object moves on the ground, and where to."""

from __future__ import annotations

import math
from dataclasses import dataclass

_SMOOTHING_S = 1.0
_LEAST_S = 0.5
"""Before that the jitter of two boxes looks like speed."""


@dataclass(frozen=True, slots=True)
class Velocity:
    """On the ground."""

    speed: float
    """Metres per second."""
    heading: float
    """Degrees, 0-360: 0 along the ground's first axis, 90 along its second."""


class Travel:
    """One object's velocity over the last second or so, however often it is seen.

    The mean of all its steps, each weighed by its time and the less the longer ago it was: the jitter of
    single boxes cancels out.
    """

    def __init__(self) -> None:
        self._last: tuple[int, float, float] | None = None
        self._sum = (0.0, 0.0)
        self._weight = 0.0
        self._watched_s = 0.0

    def observe(self, now_us: int, x_m: float, y_m: float) -> None:
        """It stands there now."""
        last, self._last = self._last, (now_us, x_m, y_m)
        if last is None or now_us <= last[0]:
            return
        passed_s = (now_us - last[0]) / 1e6
        kept = math.exp(-passed_s / _SMOOTHING_S)
        gained = (1 - kept) / passed_s
        self._sum = (
            self._sum[0] * kept + (x_m - last[1]) * gained,
            self._sum[1] * kept + (y_m - last[2]) * gained,
        )
        self._weight = self._weight * kept + 1 - kept
        self._watched_s += passed_s

    @property
    def velocity(self) -> Velocity | None:
        """None until it was seen for half a second."""
        if self._watched_s < _LEAST_S:
            return None
        x, y = self._sum[0] / self._weight, self._sum[1] / self._weight
        return Velocity(math.hypot(x, y), math.degrees(math.atan2(y, x)) % 360)
