"""What a subscriber heard, read as results: how late they were, and which turns are missing. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

CAPTURED_US = "captured_us"
"""Key of a result's ``data``: when its frame was captured, in microseconds. Its ``time`` has
milliseconds only, cut and not rounded, so a latency from that is up to 1 ms too high."""
_MS = 1_000_000
_IN_FLIGHT = 2
"""So many turns at the end of a window may still be on their way."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One message, and the wall time at which the subscriber had it."""

    at_ns: int
    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Seen:
    """One result as the subscriber saw it. Wall times, so both ends have to be on one machine."""

    source: str
    seq: int
    at_ns: int
    captured_ns: int
    inference_ms: float

    @property
    def latency_ms(self) -> float:
        """From capture to the subscriber."""
        return (self.at_ns - self.captured_ns) / _MS

    @property
    def overhead_ms(self) -> float:
        """The same without the algorithm's own run."""
        return self.latency_ms - self.inference_ms


@dataclass(frozen=True, slots=True)
class Turns:
    """How often a source's job should have run, and did."""

    due: int
    run: int

    @property
    def missed(self) -> float:
        """A share, 0 to 1."""
        return max(0.0, 1 - self.run / self.due) if self.due else 0.0


def read_result(arrival: Arrival) -> Seen | None:
    """None for what is no result."""
    if not arrival.topic.endswith("/result"):
        return None
    content: dict[str, Any] = json.loads(arrival.payload)
    captured_us = content.get("data", {}).get(CAPTURED_US)
    return Seen(
        source=content["source"],
        seq=content["seq"],
        at_ns=arrival.at_ns,
        captured_ns=_wall_ns(content["time"]) if captured_us is None else captured_us * 1000,
        inference_ms=content["latency_ms"]["inference"],
    )


def by_source(seen: Iterable[Seen]) -> dict[str, list[Seen]]:
    found: dict[str, list[Seen]] = {}
    for one in seen:
        found.setdefault(one.source, []).append(one)
    return found


def count_turns(seen: Sequence[Seen], interval_s: float, since_ns: int, until_ns: int) -> Turns:
    """The turns of one source between two wall times, of which ``seen`` are the results, in their order.

    Between the first and the last result they are counted in the time of the frames, so the ends of the
    window cost no accuracy. Before and after them whole turns count as missed, but for the last two,
    which may still be on their way.
    """
    turn_ns = interval_s * 1e9
    if not seen:
        return Turns(max(1, round((until_ns - since_ns) / turn_ns)), 0)
    first_ns, last_ns = seen[0].captured_ns, seen[-1].captured_ns
    before, after = int((first_ns - since_ns) / turn_ns), int((until_ns - last_ns) / turn_ns)
    due = 1 + round((last_ns - first_ns) / turn_ns) + before + (after if after > _IN_FLIGHT else 0)
    return Turns(due, len(seen))


def rate(seen: Sequence[Seen], window_s: float) -> float:
    """Results a second."""
    return len(seen) / window_s if window_s > 0 else 0.0


def _wall_ns(stamp: str) -> int:
    moment = datetime.fromisoformat(stamp)
    return int(moment.timestamp()) * 1_000_000_000 + moment.microsecond * 1000
