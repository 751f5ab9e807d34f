"""Which clips were told of: none is told of twice, and the notes beside them go."""

from __future__ import annotations

from collections import deque
from pathlib import Path

KEPT_S = 2.0
"""So long after a clip was told of its note goes: what main publishes is on its disk within 0.2 s,"""
LAG_S = 1.0
"""unless the disk lags so far behind: then none goes."""
_MOST_KNOWN = 1024


class ToldClips:
    """By `ClipCause.id`. The oldest are forgotten: then a clip may be told of twice."""

    def __init__(self) -> None:
        self._known: deque[str] = deque(maxlen=_MOST_KNOWN)
        self._notes: deque[tuple[float, Path]] = deque(maxlen=_MOST_KNOWN)
        """That lie there still, in the order in which they may go."""

    def add(self, clip: str, note: Path, now_s: float) -> bool:
        """True: it is the first time. ``note`` is the file beside it that says what it is about."""
        is_first = clip not in self._known
        if is_first:
            self._known.append(clip)
        self._notes.append((now_s + KEPT_S, note))
        return is_first

    def take_due(self, now_s: float) -> tuple[Path, ...]:
        """Notes that nobody needs any more; each once."""
        due = []
        while self._notes and self._notes[0][0] <= now_s:
            due.append(self._notes.popleft()[1])
        return tuple(due)

    def take_all(self) -> tuple[Path, ...]:
        """All notes, when what was told is on the disk for certain."""
        notes = tuple(note for _, note in self._notes)
        self._notes.clear()
        return notes
