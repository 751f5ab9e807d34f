"""What is written: a result or an event."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Piece:
    """As the contract has it."""

    job: str
    source: str
    seq: int
    text: bytes
    """JSON in one line, without its end."""
    is_event: bool = False

    @property
    def body(self) -> dict[str, Any]:
        """What the text says."""
        body: dict[str, Any] = json.loads(self.text)
        return body
