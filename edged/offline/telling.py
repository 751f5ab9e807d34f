"""A result of the engine as what is written of it: itself, and its events."""

from __future__ import annotations

from collections.abc import Iterator

from edged.offline.engine.engine import Result
from edged.offline.sinks.piece import Piece


def pieces_of(result: Result) -> Iterator[Piece]:
    """In the order in which a device publishes them."""
    if result.wanted:
        yield Piece(result.job, result.source, result.seq, result.payload)
    for event in result.events:
        yield Piece(event.job, event.source, event.seq, event.payload, is_event=True)
