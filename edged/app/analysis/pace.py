"""How fast it goes, and how long that will take: pure, given the time."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

_OVER_S = 5.0


@dataclass(frozen=True, slots=True)
class _Mark:
    now_s: float
    frames: int
    at_us: int


@dataclass(slots=True)
class Pace:
    """Of one video, over the last seconds."""

    duration_us: int = 0
    """0: not known."""
    _marks: deque[_Mark] = field(default_factory=deque)

    def note(self, now_s: float, frames: int, at_us: int) -> None:
        self._marks.append(_Mark(now_s, frames, at_us))
        while len(self._marks) > 2 and now_s - self._marks[0].now_s > _OVER_S:
            self._marks.popleft()

    @property
    def frames_per_s(self) -> float:
        return self._per_s(self._marks[-1].frames - self._marks[0].frames) if self._marks else 0.0

    @property
    def times_realtime(self) -> float:
        return self._per_s((self._marks[-1].at_us - self._marks[0].at_us) / 1e6) if self._marks else 0.0

    @property
    def share(self) -> float | None:
        """Of the video that is done, 0-1. None: it does not say how long it is."""
        if not self.duration_us or not self._marks:
            return None
        return min(1.0, max(0.0, self._marks[-1].at_us / self.duration_us))

    @property
    def left_s(self) -> float | None:
        """None: not known."""
        if self.share is None or self.times_realtime <= 0:
            return None
        return max(0.0, (self.duration_us - self._marks[-1].at_us) / 1e6 / self.times_realtime)

    def _per_s(self, change: float) -> float:
        took_s = self._marks[-1].now_s - self._marks[0].now_s
        return change / took_s if took_s > 0 else 0.0


def clock_time(seconds: float) -> str:
    """``1:05``, ``1:00:05``."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
