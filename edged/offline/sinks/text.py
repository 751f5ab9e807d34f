"""The two forms of results that are text."""

from __future__ import annotations

from edged.model.analyzing import Form
from edged.offline.sinks.piece import Piece
from edged.offline.sinks.rows import csv_header, csv_rows


def header(form: Form) -> bytes:
    """What a file begins with."""
    return csv_header() if form is Form.CSV else b""


def encode(form: Form, piece: Piece) -> bytes:
    """Whole lines. CSV has no events."""
    if form is not Form.CSV:
        return piece.text + b"\n"
    return b"" if piece.is_event else csv_rows(piece.body)
