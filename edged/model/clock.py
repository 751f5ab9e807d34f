"""Wall-clock times as the contract writes them, and mending those that a wrong clock wrote. Pure.

A device without a battery clock starts in the past; minutes later the network sets its clock. What was made
in between keeps both clocks (`Moment`), so that the step is known and the time can be put right before
anybody sees it, or be marked as doubtful when it no longer can.
"""

from __future__ import annotations

import calendar
import re
import time
from dataclasses import dataclass
from typing import Protocol

STEP_NS = 1_000_000_000
"""Smaller differences are how clocks drift, not steps."""
_LOOKED_AT_BYTES = 4096
"""Our encoders write the time into the head of an object."""
_TIME = re.compile(rb'"time":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{3})Z"')
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"')
_MARK = b'"clock":"unsynced"'


class Clock(Protocol):
    """The clocks of this machine."""

    @property
    def kernel_boot(self) -> str:
        """Which boot of the kernel this is: only within one can `boottime_ns` be compared."""

    def wall_ns(self) -> int:
        """Nanoseconds since 1970; jumps when the clock is set."""

    def boottime_ns(self) -> int:
        """Nanoseconds since the kernel's boot, sleep included; never jumps."""

    def is_synced(self) -> bool | None:
        """Whether the wall clock is disciplined by a better one; None when the system does not say."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When something was made, on both clocks."""

    wall_ns: int
    boottime_ns: int
    kernel_boot: str
    synced: bool | None


def moment(clock: Clock) -> Moment:
    """Now."""
    return Moment(clock.wall_ns(), clock.boottime_ns(), clock.kernel_boot, clock.is_synced())


def rfc3339(wall_ns: int) -> str:
    """``time.time_ns()`` as ``2026-11-20T09:00:00.123Z``: RFC 3339, UTC, milliseconds (cut, not rounded)."""
    seconds, ns = divmod(wall_ns, 1_000_000_000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{ns // 1_000_000:03d}Z"


def age_ns(made: Moment, now: Moment) -> int | None:
    """How old it is. None: made in another boot, and one of the two wall clocks was not right."""
    if made.kernel_boot == now.kernel_boot:
        return max(0, now.boottime_ns - made.boottime_ns)
    if made.synced is False or now.synced is False:
        return None
    return max(0, now.wall_ns - made.wall_ns)


def presented(payload: bytes, made: Moment, now: Moment) -> bytes:
    """What was made then, as it should be published now.

    In the same boot its time is shifted by what the clock was set since then, once the clock is right. Made
    with a clock that was not, and it still is not or it was in another boot: marked.
    """
    if made.kernel_boot == now.kernel_boot and now.synced is not False:
        step_ns = (now.wall_ns - now.boottime_ns) - (made.wall_ns - made.boottime_ns)
        return shifted(payload, step_ns) if abs(step_ns) > STEP_NS else payload
    return marked(payload) if made.synced is False and _own_time(payload) is not None else payload


def shifted(payload: bytes, by_ns: int) -> bytes:
    """A JSON object with its own ``"time":"…Z"`` (not one of an object inside) so much later.

    As it is where there is no such time, as our encoders write it, in its first 4 KiB.
    """
    found = _own_time(payload)
    if found is None:
        return payload
    try:
        seconds = calendar.timegm(time.strptime(found[1].decode(), "%Y-%m-%dT%H:%M:%S"))
        text = rfc3339(seconds * 1_000_000_000 + int(found[2]) * 1_000_000 + by_ns)
    except (ValueError, OverflowError, OSError):
        return payload
    if len(text) != len("2026-11-20T09:00:00.123Z"):
        return payload  # a year of more or fewer than four digits
    return b'%b"time":"%b"%b' % (payload[: found.start()], text.encode(), payload[found.end() :])


def marked(payload: bytes) -> bytes:
    """A JSON object with ``"clock":"unsynced"`` before everything else; anything else as it is.

    Its ``time`` is what the clock said, and the clock was not known to be right.
    """
    if not payload.startswith((b'{"', b"{}")) or not payload.endswith(b"}") or payload.startswith(_MARK, 1):
        return payload
    comma = b"" if payload == b"{}" else b","
    return b"{%b%b%b" % (_MARK, comma, payload[1:])


def _own_time(payload: bytes) -> re.Match[bytes] | None:
    if not payload.startswith(b"{"):
        return None
    for found in _TIME.finditer(payload, 0, _LOOKED_AT_BYTES):
        before = _STRING.sub(b"", payload[: found.start()])
        opened = before.count(b"{") + before.count(b"[")
        if b'"' not in before and opened - before.count(b"}") - before.count(b"]") == 1:
            return found
    return None
