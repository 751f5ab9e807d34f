"""Where the broker is and how to speak to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from edged.mqtt.protocol import Protocol

LARGEST_PAYLOAD_BYTES = 16 * 1024 * 1024
Transport = Literal["tcp", "websockets"]

_SCHEMES: dict[str, tuple[Transport, bool, int]] = {
    "mqtt": ("tcp", False, 1883),
    "mqtts": ("tcp", True, 8883),
    "ws": ("websockets", False, 80),
    "wss": ("websockets", True, 443),
    "embedded": ("tcp", False, 1883),
}


@dataclass(frozen=True, slots=True)
class MqttOptions:
    """All that a connection needs. Safe to print: the password is left out."""

    host: str
    port: int
    client_id: str
    transport: Transport = "tcp"
    path: str = "/mqtt"
    """Of the websocket."""
    tls: bool = False
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca: Path | None = None
    """File of the authorities to trust; None: the system's."""
    cert: Path | None = None
    """Own certificate for mutual TLS, PEM; `key` beside it or in it."""
    key: Path | None = None
    protocol: Protocol = Protocol.AUTO
    keepalive_s: int = 30
    keep_session: bool = True
    """The broker keeps what is sent to this client while it is away, if the client subscribes. False for a
    program that lives shortly."""
    session_expiry_s: int = 3600
    """How long the broker keeps the session (MQTT 5; on 3.1.1 it decides); so long a will can be delayed."""
    will_delay_s: int = 10
    """A restart quicker than this shows no ``offline`` (MQTT 5)."""
    dial_timeout_s: float = 30.0
    """Name look-up, TCP, TLS and websocket together."""
    answer_timeout_s: float = 10.0
    """From CONNECT to CONNACK."""
    payload_limit_bytes: int = LARGEST_PAYLOAD_BYTES
    """What comes with a longer payload is cut to this length: enough to see that it is too large."""

    @property
    def broker(self) -> str:
        """``host:port``, for people and as the key of what is remembered."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def options_from_url(
    url: str,
    *,
    device: str,
    username: str | None = None,
    password: str | None = None,
    ca: Path | None = None,
    cert: Path | None = None,
    key: Path | None = None,
    protocol: str = "auto",
) -> MqttOptions:
    """Options for a device. Raises ValueError that says what is wrong and never repeats a password."""
    parts = urlsplit(url)
    if parts.scheme not in _SCHEMES:
        raise ValueError(f"a broker's address starts with one of {', '.join(s + '://' for s in _SCHEMES)}")
    transport, tls, default_port = _SCHEMES[parts.scheme]
    if not parts.hostname:
        raise ValueError(f"no host in the broker's address; for instance {parts.scheme}://broker.example")
    if parts.username is not None or parts.password is not None:
        raise ValueError(
            "user and password belong into mqtt.username and mqtt.password, not into the address"
        )
    if not tls and (ca or cert or key):
        raise ValueError(f"ca, cert and key need TLS: mqtts:// or wss:// instead of {parts.scheme}://")
    if key and not cert:
        raise ValueError("a key without its certificate (mqtt.cert)")
    try:
        port = parts.port if parts.port is not None else default_port
    except ValueError as error:
        raise ValueError("the port is a number from 1 to 65535") from error
    return MqttOptions(
        host=parts.hostname,
        port=port,
        client_id=f"edged-{device}",
        transport=transport,
        path=(parts.path or "/mqtt") + (f"?{parts.query}" if parts.query else ""),
        tls=tls,
        username=username,
        password=password,
        ca=ca,
        cert=cert,
        key=key,
        protocol=Protocol(protocol),
    )
