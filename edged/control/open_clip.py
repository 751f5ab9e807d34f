"""Which events share a clip: pure."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from edged.model.capturing import ClipRequest
from edged.model.messages import ClipWish

MOST_CLIP_S = 600.0
"""A clip that events prolong ends here; the next event begins another."""
_CLOSING_NS = 250_000_000
"""So shortly before its end a clip is not prolonged: it may be over before its capture hears of it."""


@dataclass(frozen=True, slots=True)
class OpenClip:
    """One that was asked for and is not there yet."""

    source: str
    request: ClipRequest
    moment_wall_ns: int
    """What ``request.at_ns`` was on the wall."""
    job: str = ""
    """Of whose events it is; empty: somebody's who asked for it."""
    first: str = ""
    """The type of its first event."""
    events: int = 0

    @property
    def end_ns(self) -> int:
        """On the monotonic clock."""
        return self.request.at_ns + round(self.request.after_s * 1e9)


def joined(clip: OpenClip, wish: ClipWish, after_s: float, now_ns: int) -> OpenClip | None:
    """The clip with one more event, longer if need be; None: it cannot take it, so it needs another clip.

    It grows by whole seconds, so that its capture need not hear of each of many events.
    """
    end_ns = clip.end_ns
    begin_ns = clip.request.at_ns - round(clip.request.before_s * 1e9)
    if not begin_ns <= wish.captured_ns <= end_ns or now_ns > end_ns - _CLOSING_NS:
        return None
    missing_s = (wish.captured_ns - end_ns) / 1e9 + after_s
    if missing_s <= 0:
        return replace(clip, events=clip.events + 1)
    most_s = MOST_CLIP_S - clip.request.before_s
    if clip.request.after_s + missing_s > most_s:
        return None
    longer_s = min(clip.request.after_s + math.ceil(missing_s), most_s)
    cause = clip.request.cause
    cause = cause and replace(cause, events=clip.events + 1)
    request = replace(clip.request, after_s=longer_s, cause=cause)
    return replace(clip, request=request, events=clip.events + 1)
