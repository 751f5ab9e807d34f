"""One message, as published or received."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Message:
    """A topic, its payload and how it travels."""

    topic: str
    payload: bytes
    qos: int = 0
    """0 or 1."""
    retain: bool = False
