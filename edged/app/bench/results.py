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


def count_turns(seen: Sequence[Seen], interval_s: float, until_ns: int) -> Turns:
    """The turns between the first and the last result of one source, in the time of its frames.

    So the ends of the window cost no accuracy. When the last one is more than two turns before
    ``until_ns`` (wall time), those that did not come since are missed too.
    """
    if len(seen) < 2:
        return Turns(due=1, run=len(seen) // 2)
    first_ns, last_ns = seen[0].captured_ns, seen[-1].captured_ns
    turn_ns = interval_s * 1e9
    silent = int(max(0, until_ns - last_ns) / turn_ns)
    due = max(1, round((last_ns - first_ns) / turn_ns)) + (silent if silent > 2 else 0)
    return Turns(due, len(seen) - 1)


def rate(seen: Sequence[Seen], window_s: float) -> float:
    """Results a second."""
    return len(seen) / window_s if window_s > 0 else 0.0


def _wall_ns(stamp: str) -> int:
    moment = datetime.fromisoformat(stamp)
    return int(moment.timestamp()) * 1_000_000_000 + moment.microsecond * 1000
