"""The last seconds of packets in memory. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from edged.capture.recording.kept import Kept

MOST_BYTES = 64 * 1024 * 1024
_STALE_NS = 5_000_000_000
"""After so long a silence what was before has nothing to do with what is now."""


class PacketRing:
    """Whole groups, each from its keyframe on: at least the newest one, and back to the keyframe at or
    before ``keep_s`` ago. Beyond ``most_bytes`` the oldest groups go, and are counted.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._groups: deque[_Group] = deque()
        self.keep_s = 0.0
        self.bytes = 0
        self.shortened = 0
        """Packets that went before their time, for want of room."""

    def add(self, kept: Kept) -> None:
        """Those before the first keyframe are of no use, and are not kept."""
        if kept.keyframe:
            self._groups.append(_Group())
        if not self._groups:
            return
        self._groups[-1].add(kept)
        self.bytes += kept.bytes
        self._let_go(kept.at_ns - int(self.keep_s * 1e9))

    def since(self, at_ns: int) -> list[Kept]:
        """From the keyframe at or before this time on, as far as there is one; nothing of groups that ended
        long before it.
        """
        groups = [group for group in self._groups if group.end_ns >= at_ns - _STALE_NS]
        before = [number for number, group in enumerate(groups) if group.begin_ns <= at_ns]
        first = before[-1] if before else 0
        return [kept for group in groups[first:] for kept in group.packets]

    def clear(self) -> None:
        self._groups.clear()
        self.bytes = 0

    def __iter__(self) -> Iterator[Kept]:
        return (kept for group in self._groups for kept in group.packets)

    def _let_go(self, from_ns: int) -> None:
        while len(self._groups) > 1 and self._groups[1].begin_ns <= from_ns:
            self.bytes -= self._groups.popleft().bytes
        while self.bytes > self._most_bytes:
            oldest = self._groups.popleft()
            self.bytes -= oldest.bytes
            self.shortened += len(oldest.packets)


class _Group:
    """A keyframe and what depends on it."""

    def __init__(self) -> None:
        self.packets: list[Kept] = []
        self.bytes = 0

    def add(self, kept: Kept) -> None:
        self.packets.append(kept)
        self.bytes += kept.bytes

    @property
    def begin_ns(self) -> int:
        return self.packets[0].at_ns

    @property
    def end_ns(self) -> int:
        return self.packets[-1].at_ns
