"""The small fixed header before the bytes that go on the wire: main routes, it does not parse.

::

    byte 0     kind: 1 result, 2 counts, 3 event, 4 snapshot, 5 image, 6 crop,
               7 shown, 8 sights, 9 decal
    byte 1     QoS (bits 0-1), retain (bit 7)
    byte 2     length of the job's name      byte 3  length of the source's name
    bytes 4-7  length of the ending behind the payload (`edged.model.ending`); 0: there is none
    bytes 8-15 seq (little endian): of results and of events, each numbered apart; of a snapshot, the id
               of its request
    bytes 16-23 the highest track_id given out so far
    then       job, source (ASCII), payload, ending
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

_HEADER = struct.Struct("<BBBBIQQ")


class OutputKind(IntEnum):
    RESULT = 1
    COUNTS = 2
    EVENT = 3
    SNAPSHOT = 4
    IMAGE = 5
    """The picture of a result, as its job publishes it; its seq is that of the result."""
    CROP = 6
    """The picture of one detection of a result."""
    SHOWN = 7
    """A result that its job does not publish, for the live pictures: it has no number, and no topic."""
    SIGHTS = 8
    """How what events began would end by now, by key, as JSON: for main alone."""
    DECAL = 9
    """What a chain draws itself for a result (`edged.algorithm.drawing.decal`), for the live pictures; with
    retain: for all that come, nothing."""


@dataclass(frozen=True, slots=True)
class Output:
    """One payload on its way from a worker to the broker."""

    kind: OutputKind
    job: str
    source: str
    payload: bytes
    seq: int = 0
    track_id: int = 0
    qos: int = 0
    retain: bool = False
    ending: bytes = b""
    """Of an event: how what it begins would end, or what it ends."""


def pack_output(output: Output) -> bytes:
    """The header, the names and the payload in one buffer."""
    job, source = output.job.encode("ascii"), output.source.encode("ascii")
    flags = output.qos | (0x80 if output.retain else 0)
    header = _HEADER.pack(
        output.kind, flags, len(job), len(source), len(output.ending), output.seq, output.track_id
    )
    return b"".join((header, job, source, output.payload, output.ending))


def unpack_output(buffer: bytes) -> Output:
    """The inverse of `pack_output`. Raises ValueError or struct.error on anything else."""
    kind, flags, job_length, source_length, ending_length, seq, track_id = _HEADER.unpack_from(buffer)
    names = _HEADER.size
    body = names + job_length + source_length
    ending = len(buffer) - ending_length
    if ending < body:
        raise ValueError("shorter than it says")
    return Output(
        kind=OutputKind(kind),
        job=buffer[names : names + job_length].decode("ascii"),
        source=buffer[names + job_length : body].decode("ascii"),
        payload=bytes(buffer[body:ending]),
        seq=seq,
        track_id=track_id,
        qos=flags & 0x03,
        retain=bool(flags & 0x80),
        ending=bytes(buffer[ending:]),
    )


def renumbered(payload: bytes, seq: int) -> bytes:
    """A result or an event, as JSON, with another ``seq``; without one it stays as it is.

    Before it stand only names that hold no quotes, so the first one is the one.
    """
    before, key, after = payload.partition(b'"seq":')
    return b"%b%b%d%b" % (before, key, seq, after.lstrip(b"0123456789")) if key else payload
