"""One message, as published or received."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum


class Worth(IntEnum):
    """Which messages go first when what is owed grows too large: the lowest, and of these the oldest."""

    RESULT = 1
    ANSWER = 2
    EVENT = 3


@dataclass(frozen=True, slots=True)
class Message:
    """A topic, its payload and how it travels."""

    topic: str
    payload: bytes
    qos: int = 0
    """0 or 1."""
    retain: bool = False
    worth: Worth = Worth.RESULT
    correlation: bytes = b""
    """MQTT 5 correlation data (section 3.3.2.3.6); left out on 3.1.1."""


@dataclass(frozen=True, slots=True)
class Received:
    """A message from the broker. It is sent again, after a reconnect or restart, until it is acknowledged."""

    topic: str
    payload: bytes
    retain: bool = False
    """The broker kept it from before, or (MQTT 5) it was published to be kept."""
    duplicate: bool = False
    """The broker sent it before."""
    response_topic: str = ""
    """Where an MQTT 5 request wants its answer; empty: it does not say."""
    correlation: bytes = b""
    acknowledge: Callable[[], None] = field(default=lambda: None, repr=False, compare=False)
    """Call it once what must outlive a crash is on the disk; harmless after the connection ended."""
