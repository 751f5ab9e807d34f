"""Which clips were told of: captures need keep no notes of them, and no main tells of one twice."""

from __future__ import annotations

from collections import defaultdict, deque

_MOST_KNOWN = 1024
_MOST_OF_SOURCE = 64
"""That its capture hears of at once. Of others the notes stay until the next one finds them."""


class ToldClips:
    """By `ClipCause.id`. The oldest are forgotten: then a clip may be told of twice."""

    def __init__(self) -> None:
        self._known: deque[str] = deque(maxlen=_MOST_KNOWN)
        self._of: defaultdict[str, deque[str]] = defaultdict(lambda: deque(maxlen=_MOST_OF_SOURCE))

    def add(self, source: str, clip: str) -> bool:
        """True: it is the first time."""
        is_first = clip not in self._known
        if is_first:
            self._known.append(clip)
        if clip not in self._of[source]:
            self._of[source].append(clip)
        return is_first

    def of(self, source: str) -> tuple[str, ...]:
        """What its capture may forget."""
        return tuple(self._of.get(source, ()))

    def begin_again(self, source: str) -> None:
        """Another capture, which knows of none yet."""
        self._of.pop(source, None)
