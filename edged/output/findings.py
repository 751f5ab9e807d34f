"""What jobs found, as it comes from main: the contract's payloads, read back into what is drawn, and what
they draw themselves.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import repeat
from typing import Any

from edged.algorithm.drawing import Decal
from edged.algorithm.drawing.decal import unpack_decal
from edged.algorithm.trails import Trail, Trails
from edged.model.detection import Detection, Outcome
from edged.model.frame import FrameHeader
from edged.model.output import Output, OutputKind
from edged.types import PtsUs

_NOTHING = Outcome()


@dataclass(frozen=True, slots=True)
class Finding:
    """One result."""

    pts_us: PtsUs
    outcome: Outcome


def parse_result(payload: bytes) -> Finding:
    """The contract's result. Raises KeyError, TypeError or ValueError for anything else."""
    content = json.loads(payload)
    detections = tuple(map(_detection, content.get("detections") or ()))
    data = content.get("data")
    pts_us = PtsUs(round(float(content["frame"]["pts"]) * 1e6))
    return Finding(pts_us, Outcome(detections, data if isinstance(data, Mapping) else {}))


def parse_counts(payload: bytes) -> Mapping[str, Any]:
    """The contract's counts, as far as they are drawn. Raises ValueError for anything else."""
    content = json.loads(payload)
    return {key: content[key] for key in ("zones", "lines") if isinstance(content.get(key), Mapping)}


def _detection(found: Mapping[str, Any]) -> Detection:
    x_min, y_min, x_max, y_max = map(float, found["box"])
    return Detection(
        box=(x_min, y_min, x_max, y_max),
        score=float(found.get("score", 1.0)),
        label=str(found.get("label", "")),
        label_id=found.get("label_id"),
        track_id=found.get("track_id"),
        zones=tuple(map(str, found.get("zones") or ())),
        attributes=found.get("attributes") or {},
        keypoints=tuple((float(x), float(y), float(score)) for x, y, score in found.get("keypoints") or ()),
    )


@dataclass
class _Seen:
    """Of one job."""

    hold_us: float
    finding: Finding | None = None
    decal: Decal | None = None
    drawn_us: int = -1
    """Up to the result of this time it is known what its chain draws itself."""
    counts: Mapping[str, Any] = field(default_factory=dict)
    trails: Trails = field(default_factory=Trails)

    def drawn_on(self, pts_us: int) -> Finding | None:
        """The result that is drawn on a frame of that time."""
        finding = self.finding
        is_held = finding is not None and abs(pts_us - finding.pts_us) <= self.hold_us
        return finding if is_held else None


class Findings:
    """The newest of each job that is drawn. `put` from any thread, the rest from the one that draws.

    Only the newest of each kind waits to be read: what comes faster than pictures is never parsed.
    """

    def __init__(self, hold_s: Mapping[str, float]) -> None:
        self._seen = {job: _Seen(hold * 1e6) for job, hold in hold_s.items()}
        self._change = threading.Condition()
        self._unread: dict[tuple[OutputKind, str], bytes] = {}

    def put(self, output: Output) -> None:
        """A result, counts or a decal; those of other jobs are forgotten."""
        if output.job in self._seen:
            kind = OutputKind.RESULT if output.kind is OutputKind.SHOWN else output.kind
            with self._change:
                self._unread[kind, output.job] = output.payload
                self._change.notify()

    def on(self, header: FrameHeader) -> tuple[Outcome, tuple[Trail, ...]]:
        """All that is to be drawn on this frame: what was found on it or lately, and where it came from."""
        self._read(header)
        detections: list[Detection] = []
        trails: list[Trail] = []
        data: dict[str, Any] = {}
        counts: dict[str, Any] = {}
        for seen in self._seen.values():
            counts |= seen.counts
            finding = seen.drawn_on(header.pts_us)
            if finding is None:
                continue
            found = finding.outcome.detections or ()
            detections += found
            data |= finding.outcome.data
            trails += seen.trails.now(replace(header, pts_us=finding.pts_us), found)
        if not (detections or data or any(map(_says_something, counts.values()))):
            return _NOTHING, ()
        return Outcome(tuple(detections), data, counts), tuple(trails)

    def decals_on(self, header: FrameHeader) -> tuple[Decal, ...]:
        """What chains draw themselves on this frame, as known when `on` was called for it."""
        return tuple(
            seen.decal
            for seen in self._seen.values()
            if seen.decal is not None and abs(header.pts_us - seen.decal.pts_us) <= seen.hold_us
        )

    def wait_for_decals(self, header: FrameHeader, within_s: float) -> bool:
        """Until it is known of all results that are drawn on this frame what their chains draw themselves;
        False: it took too long.
        """
        end_s = time.monotonic() + within_s
        while True:
            self._read(header)
            if not any(map(_lacks_decal, self._seen.values(), repeat(header.pts_us))):
                return True
            left_s = end_s - time.monotonic()
            if left_s <= 0:
                return False
            with self._change:
                self._change.wait_for(lambda: self._unread, left_s)

    def _read(self, header: FrameHeader) -> None:
        with self._change:
            unread, self._unread = self._unread, {}
        for (kind, job), payload in unread.items():
            seen = self._seen[job]
            try:
                _take(seen, kind, payload)
            except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
                continue  # an own algorithm may put anything into its detections; main published it as it is
            if kind is OutputKind.RESULT and seen.finding is not None:
                at = replace(header, pts_us=seen.finding.pts_us)
                seen.trails.saw(at, seen.finding.outcome.detections or ())


def _take(seen: _Seen, kind: OutputKind, payload: bytes) -> None:
    """Raises whatever comes of a payload that is none."""
    if kind is OutputKind.COUNTS:
        seen.counts = parse_counts(payload) if payload else {}
    elif kind is OutputKind.DECAL:
        decal = unpack_decal(payload)
        seen.decal, seen.drawn_us = (None if decal.is_empty else decal), decal.pts_us
    else:
        seen.finding = parse_result(payload)


def _lacks_decal(seen: _Seen, pts_us: int) -> bool:
    finding = seen.drawn_on(pts_us)
    return finding is not None and seen.drawn_us < finding.pts_us


def _says_something(counts: Any) -> bool:
    return bool(counts) and any(bool(count) for count in counts.values())
