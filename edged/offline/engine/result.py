"""What offline analysis gives: results and events of the contract, as values that a program reads."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from edged.model.detection import Detection, Outcome
from edged.model.frame import FrameHeader
from edged.offline.engine.stall import Stall
from edged.worker.chain import Emitted
from edged.worker.encoding import Origin, count, encode_event, encode_result

_OF_EVENTS = uuid.UUID("6f1c9a52-6a0e-4c5b-9d0c-0b6f5a1f7e11")
"""The namespace of their ids: the same video and jobs give the same ids."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened: the contract's event without boot and time."""

    job: str
    source: str
    seq: int
    """From 1, of the events of this job on this video."""
    type: str
    index: int
    """Of the frame."""
    pts: float
    """Seconds on the video's own clock: its first frame is at 0."""
    fields: Mapping[str, Any]
    """``id``, ``label``, ``score``, ``box``, ``track_id``, ``zone``, ``line``, ``direction``, ``data``: those
    that apply."""
    payload: bytes = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """As the contract has it."""
        body: dict[str, Any] = json.loads(self.payload)
        return body

    def to_json(self) -> bytes:
        return self.payload


@dataclass(frozen=True, slots=True)
class Result:
    """What a job found on one frame: the contract's result without boot, time and latency."""

    job: str
    source: str
    seq: int
    """From 1 without gaps, of the results of this job on this video."""
    index: int
    """Of the frame, from 0."""
    pts: float
    """Seconds on the video's own clock: its first frame is at 0."""
    width: int
    """Of the frame, in pixels."""
    height: int
    detections: tuple[Detection, ...] | None
    """Boxes in fractions of the frame. None: the job does not detect; empty: it found nothing."""
    data: Mapping[str, Any]
    """What the algorithms returned besides detections, as they returned it."""
    events: tuple[Event, ...]
    """Those of this run."""
    counts: Mapping[str, Any]
    """``total``, ``labels``, ``zones``, ``lines``, as the contract has them."""
    payload: bytes = field(repr=False)
    """As JSON, with `payload_seq` for its number."""
    wanted: bool = True
    """False: the job's ``publish.when`` leaves it out; it has no number of its own, and is here for its
    events or for a picture alone."""
    payload_seq: int = field(default=0, repr=False)
    """The number that the engine gave; `seq` may be another, where a program numbers anew."""

    def to_dict(self) -> dict[str, Any]:
        """As the contract has it; values of numpy are plain ones."""
        body: dict[str, Any] = json.loads(self.payload)
        body["seq"] = self.seq
        return body

    def to_json(self) -> bytes:
        if self.seq == self.payload_seq:
            return self.payload
        text = json.dumps(self.to_dict(), separators=(",", ":"), ensure_ascii=False)
        return text.encode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the analysis of a video is."""

    at_s: float
    """On the video's own clock."""
    duration_s: float
    """0: the video does not say."""
    frames: int
    """How many of its frames were passed."""
    looked: int
    """Runs that were due and are done."""
    stall: Stall | None = None
    """A run that takes longer than its job's deadline; None: none does."""


def make_result(
    origin: Origin,
    seq: int,
    header: FrameHeader,
    outcome: Outcome,
    events: tuple[Event, ...],
    *,
    wanted: bool,
) -> Result:
    """Raises `AlgorithmError` for what JSON does not know."""
    return Result(
        job=origin.job,
        source=origin.source,
        seq=seq,
        index=header.index,
        pts=header.pts_us / 1e6,
        width=header.format.width,
        height=header.format.height,
        detections=outcome.detections,
        data=outcome.data,
        events=events,
        counts=count(outcome) if outcome.detections is not None or outcome.counts else {},
        payload=encode_result(origin, seq, header, None, outcome),
        wanted=wanted,
        payload_seq=seq,
    )


def make_event(origin: Origin, seq: int, header: FrameHeader, emitted: Emitted) -> Event:
    """Raises `AlgorithmError` for what JSON does not know."""
    kind, fields = emitted
    name = f"{origin.device}/{origin.job}/{origin.source}/{seq}/{header.index}/{kind}"
    told = {"id": uuid.uuid5(_OF_EVENTS, name).hex, **fields}
    told = {key: value for key, value in told.items() if value is not None}
    payload = encode_event(origin, seq, header, kind, told)
    return Event(origin.job, origin.source, seq, kind, header.index, header.pts_us / 1e6, told, payload)
