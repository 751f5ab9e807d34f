"""What main and the embedded broker say to each other (beside `Stop`)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BrokerSpec:
    """Main → broker, first message: where to listen. Loopback only."""

    host: str = "127.0.0.1"
    port: int = 1883
    """0: any free one; `BrokerReady` says which."""


@dataclass(frozen=True, slots=True)
class BrokerReady:
    """Broker → main: it accepts connections."""

    port: int
