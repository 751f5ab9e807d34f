"""A result of the engine as what is written of it: itself, and its events."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from edged.offline.engine import Result
from edged.offline.sinks.piece import Piece
from edged.offline.sinks.tail import Tail


def pieces_of(result: Result, tail: Tail) -> Iterator[Piece]:
    """``tail``: what was written before; numbers go on from there."""
    told = replace(result, seq=result.seq + tail.seqs.get(result.job, 0))
    yield Piece(told.to_dict(), told.to_json(), is_event=False)
