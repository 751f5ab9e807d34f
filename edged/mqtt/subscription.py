"""What a client listens to, and what it wants to hear again of what the broker keeps."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


class Replay(Enum):
    """When the broker sends what is retained on a topic. On 3.1.1 it is `ALWAYS` whatever is asked for."""

    ALWAYS = "always"
    """At each connect: for what is level-triggered, and harmless to see again."""
    NEW_ONLY = "new only"
    """Once for each session: for what should never have been retained."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """A topic filter, asked for with QoS 1 at each connect."""

    topic: str
    replay: Replay = field(kw_only=True)

    def matches(self, topic: str) -> bool:
        """Whether what is published to ``topic`` is asked for (MQTT 5, 4.7)."""
        wanted, levels = self.topic.split("/"), topic.split("/")
        if topic.startswith("$") and wanted[0] in ("+", "#"):
            return False
        if wanted[-1] == "#":
            wanted.pop()
            levels = levels[: len(wanted)]
        return len(wanted) == len(levels) and all(
            level in ("+", found) for level, found in zip(wanted, levels, strict=True)
        )
