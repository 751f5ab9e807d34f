"""What is written: a result or an event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Piece:
    """As the contract has it."""

    body: dict[str, Any]
    text: bytes
    """The same as JSON, in one line, without its end."""
    is_event: bool
