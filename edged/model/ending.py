"""Events that come in pairs: what one began another ends, whatever becomes of the process that would say so.

Beside the event that begins something a worker sends how it would end. Main keeps that until the end was
said, and says it itself where the worker cannot any more.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from edged.model.clock import rfc3339

_END_OF = {"zone_enter": "zone_exit", "object_start": "object_end"}
_ENDS = frozenset(_END_OF.values())


class Reason(StrEnum):
    """Why something ended that no algorithm saw end: `data.reason` of the event."""

    RESTARTED = "restarted"
    """What watches it began anew: the worker was replaced, or the job's algorithms were."""
    ENDED = "ended"
    """Nobody watches any more: the job, its source or the daemon was stopped or taken away."""


@dataclass(frozen=True, slots=True)
class Ending:
    """The event that ends something, as it would be said now."""

    key: str
    """What it ends: one of these on a (job, source)."""
    kind: str
    """Type of the event."""
    fields: dict[str, Any] = field(default_factory=dict)
    """As the contract names them, the reason missing."""

    def because(self, reason: Reason) -> dict[str, Any]:
        """Its fields, with the reason."""
        data = self.fields.get("data")
        return {**self.fields, "data": {**(data if isinstance(data, dict) else {}), "reason": reason.value}}


def begins(kind: str) -> bool:
    """Whether an event of this type begins something."""
    return kind in _END_OF


def ends(kind: str) -> bool:
    """Whether an event of this type ends something."""
    return kind in _ENDS


def end_of(kind: str) -> str:
    """The type of the event that ends what one of type ``kind`` begins; raises KeyError where none does."""
    return _END_OF[kind]


def key_of(kind: str, fields: Mapping[str, Any]) -> str:
    """The same for the event that begins and the one that ends; empty where that cannot be told."""
    track_id = fields.get("track_id")
    if not isinstance(track_id, int) or not (begins(kind) or ends(kind)):
        return ""
    return f"{_END_OF.get(kind, kind)} {track_id} {fields.get('zone') or ''}".rstrip()


def encode_end(
    device: str,
    job: str,
    source: str,
    boot: str,
    seq: int,
    wall_ns: int,
    kind: str,
    fields: Mapping[str, Any],
) -> bytes:
    """The contract's event, without a frame: nobody saw it on one."""
    head = {"v": 1, "device": device, "job": job, "source": source, "boot": boot, "seq": seq}
    known = {name: value for name, value in fields.items() if value is not None}
    body = {**head, "time": rfc3339(wall_ns), "type": kind, "id": uuid.uuid4().hex, **known}
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")


def pack_ending(ending: Ending | None, key: str = "") -> bytes:
    """Beside an event: ``ending`` of what it begins, or the ``key`` of what it ends."""
    said = (
        {"key": key} if ending is None else {"key": ending.key, "type": ending.kind, "fields": ending.fields}
    )
    return json.dumps(said, separators=(",", ":")).encode()


def unpack_ending(packed: bytes) -> Ending:
    """Its kind is empty where that was the key alone. Raises ValueError or TypeError for anything else."""
    try:
        said = json.loads(packed)
    except RecursionError:
        raise ValueError("too deep for an ending") from None
    if not isinstance(said, dict) or not isinstance(said.get("fields", {}), dict):
        raise ValueError("no ending")
    return Ending(str(said.get("key", "")), str(said.get("type", "")), said.get("fields", {}))
