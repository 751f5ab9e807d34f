"""The seam between main's domain and whatever carries its words to the broker."""

from __future__ import annotations

from typing import Protocol

from edged.mqtt.message import Worth


class Publisher(Protocol):
    """Never blocks; what cannot be sent is kept or dropped, and counted, by its own rules."""

    def publish(self, topic: str, payload: bytes, qos: int, worth: Worth = Worth.RESULT) -> None:
        """Something that happened: a result, an event. QoS 1 goes through the outbox."""

    def retain(self, topic: str, payload: bytes, *, again: bool = False) -> None:
        """How something is now: the latest replaces the one before, and is kept by the broker.

        The same as before is not said ``again`` unless somebody waits for it.
        """
