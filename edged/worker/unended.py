"""What events of this worker began and none has ended yet, and when each was seen last. Pure; bounded."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

from edged.model.detection import Detection
from edged.model.ending import Ending, begins, end_of, ends, key_of, pack_ending

MOST_UNENDED = 4096
"""Of one (job, source); what begins beyond that is not looked after."""
_MOST_SIGHTS = 200
"""In one message; those begun last."""
_FURTHEST = 1e12
"""What an algorithm says beyond that, in whatever unit, is no number."""


@dataclass(slots=True)
class _Begun:
    kind: str
    """Of the event that ends it."""
    fields: dict[str, Any]
    begun_us: int
    seen_us: int
    fresh: bool = False
    """Seen since main was told last."""
    zone: str = ""
    last: Detection | None = None
    """As it was seen since it began; what that means is worked out only when it is told."""

    def ending(self, key: str) -> Ending:
        begun_s, seen_s = self.begun_us / 1e6, self.seen_us / 1e6
        lasted_s = round(max(0.0, seen_s - begun_s), 3)
        if self.kind == "zone_exit":
            data: dict[str, Any] = {"seconds": lasted_s}
        else:
            data = {"duration": lasted_s, "first_seen": begun_s, "last_seen": seen_s}
        last = self.last
        look = {} if last is None else _look(last.label, last.score, last.box)
        return Ending(key, self.kind, {**self.fields, **look, "data": data})


@dataclass(slots=True)
class _Ledger:
    """Of one (job, source)."""

    begun: dict[str, _Begun] = field(default_factory=dict)
    by_track: dict[int, list[_Begun]] = field(default_factory=dict)
    settled: set[str] = field(default_factory=set)
    """Ended by us; what the algorithm says of it later is no news."""

    def remove(self, key: str) -> None:
        gone = self.begun.pop(key, None)
        if gone is not None:
            track_id = gone.fields["track_id"]
            left = [begun for begun in self.by_track[track_id] if begun is not gone]
            if left:
                self.by_track[track_id] = left
            else:
                del self.by_track[track_id]


class Unended:
    """By (job, source). Used from the worker's main thread only."""

    def __init__(self) -> None:
        self._ledgers: dict[tuple[str, str], _Ledger] = {}

    def holds(self, job: str, source: str, kind: str, fields: Mapping[str, Any]) -> bool:
        """Whether the event would end something that was begun."""
        ledger = self._ledgers.get((job, source))
        return ledger is not None and ends(kind) and key_of(kind, fields) in ledger.begun

    def was_settled(self, job: str, source: str, kind: str, fields: Mapping[str, Any]) -> bool:
        """Whether the event would end what `settle` ended already: true once."""
        ledger = self._ledgers.get((job, source))
        key = key_of(kind, fields) if ledger is not None and ends(kind) else ""
        if ledger is None or key not in ledger.settled:
            return False
        ledger.settled.discard(key)
        return True

    def beside(self, kind: str, fields: Mapping[str, Any], pts_us: int) -> bytes:
        """What main is to be told with an event; empty: it neither begins nor ends anything."""
        key = key_of(kind, fields)
        if not key:
            return b""
        return pack_ending(_begun(kind, fields, pts_us).ending(key) if begins(kind) else None, key)

    def note(self, job: str, source: str, kind: str, fields: Mapping[str, Any], pts_us: int) -> None:
        """The event was sent."""
        key = key_of(kind, fields)
        if not key:
            return
        ledger = self._ledgers.setdefault((job, source), _Ledger())
        ledger.remove(key)
        ledger.settled.discard(key)
        if begins(kind) and len(ledger.begun) < MOST_UNENDED:
            begun = ledger.begun[key] = _begun(kind, fields, pts_us)
            ledger.by_track.setdefault(begun.fields["track_id"], []).append(begun)

    def see(self, job: str, source: str, detections: Iterable[Detection], pts_us: int) -> None:
        """A run saw these."""
        ledger = self._ledgers.get((job, source))
        if ledger is None or not ledger.by_track:
            return
        for found in detections:
            for begun in ledger.by_track.get(found.track_id, ()) if found.track_id is not None else ():
                if not begun.zone or begun.zone in found.zones:
                    begun.seen_us, begun.fresh, begun.last = pts_us, True, found

    def sights(self) -> Iterator[tuple[str, str, bytes]]:
        """Job, source and what is to be told of it: all that was begun where something was seen since."""
        for (job, source), ledger in self._ledgers.items():
            if not any(begun.fresh for begun in ledger.begun.values()):
                continue
            newest = list(ledger.begun.items())[-_MOST_SIGHTS:]
            said = {key: begun.ending(key).fields for key, begun in newest}
            for begun in ledger.begun.values():
                begun.fresh = False
            yield job, source, json.dumps(said, separators=(",", ":")).encode()

    def unsettled(self, job: str, source: str) -> list[Ending]:
        """All that would have to be said should it end now, in the order of its beginning, stays first."""
        ledger = self._ledgers.get((job, source))
        endings = [] if ledger is None else [begun.ending(key) for key, begun in ledger.begun.items()]
        return sorted(endings, key=lambda ending: ending.kind != "zone_exit")

    def settle(self, job: str, source: str, keys: Collection[str]) -> None:
        """These were ended."""
        ledger = self._ledgers.get((job, source))
        if ledger is not None and keys:
            # Of those before, the algorithm has said what it had to say: something began since.
            ledger.settled = set(keys)
            for key in keys:
                ledger.remove(key)

    def forget(self, job: str, source: str) -> None:
        """Its algorithms are gone, and will say no more."""
        self._ledgers.pop((job, source), None)

    def sources_of(self, job: str) -> tuple[str, ...]:
        """Where it began something."""
        return tuple(source for name, source in self._ledgers if name == job)

    def jobs_on(self, source: str) -> tuple[str, ...]:
        """Those that began something there."""
        return tuple(job for job, name in self._ledgers if name == source)


def _begun(kind: str, fields: Mapping[str, Any], pts_us: int) -> _Begun:
    """``data`` of the event may say that it had begun before."""
    data = fields.get("data")
    if kind == "object_start":
        begun_us = round(_number(data, "first_seen", pts_us / 1e6) * 1e6)
    else:
        begun_us = pts_us - round(_number(data, "seconds", 0.0) * 1e6)
    kept: dict[str, Any] = {"track_id": fields["track_id"]}
    if fields.get("zone"):
        kept["zone"] = str(fields["zone"])
    look = _look(fields.get("label"), fields.get("score"), fields.get("box"))
    return _Begun(end_of(kind), {**look, **kept}, begun_us, pts_us, zone=kept.get("zone", ""))


def _number(data: object, name: str, default: float) -> float:
    """An algorithm may put anything there."""
    value = _finite(data.get(name)) if isinstance(data, Mapping) else None
    return default if value is None else value


def _finite(value: object) -> float | None:
    """None: it is no number, or none that could be worked with."""
    with contextlib.suppress(OverflowError):
        number = float(value) if isinstance(value, Real) else math.nan
        if abs(number) <= _FURTHEST:
            return number
    return None


def _look(label: object, score: object, box: object) -> dict[str, Any]:
    """As precise as in results; what is not known, or is something else, is left out."""
    look: dict[str, Any] = {"label": label} if isinstance(label, str) and label else {}
    if (sure := _finite(score)) is not None:
        look["score"] = round(sure, 4)
    edges = [_finite(edge) for edge in box] if isinstance(box, Iterable) else []
    known = [round(edge, 5) for edge in edges if edge is not None]
    if known and len(known) == len(edges):
        look["box"] = known
    return look
