"""Why there is no connection, in plain words and with the mend; and what kind of trouble it is. Pure.

No text ever holds a password.
"""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from enum import Enum

from edged.mqtt.options import MqttOptions


class FailureKind(Enum):
    UNREACHABLE = "unreachable"
    """Nobody there, or not now: try again soon."""
    NO_ANSWER = "no answer"
    """Reached, but it hung up on CONNECT: perhaps it does not speak this version."""
    SILENT = "silent"
    """Reached, and nothing came on CONNECT: it does not speak this version, hangs, or has too much to do."""
    BUSY = "busy"
    """It says itself that it has too much to do."""
    REFUSED = "refused"
    """Only a person can mend it: try again slowly."""
    TAKEN_OVER = "taken over"
    """Another client connected with the same id: coming back would throw that one out."""
    LOST = "lost"
    """The connection was there and broke."""

    @property
    def doubts_version(self) -> bool:
        """It may be that the broker does not speak this version of MQTT."""
        return self in (FailureKind.NO_ANSWER, FailureKind.SILENT)


@dataclass(frozen=True, slots=True)
class Failure:
    kind: FailureKind
    message: str


class TlsFilesError(Exception):
    """The CA, certificate or key cannot be used; the text says which and why."""


class ConnectFailed(Exception):
    """No connection came about."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


_CERTIFICATE_TROUBLE = {
    9: "is not valid yet: is this machine's clock right?",
    10: "has expired: renew it on the broker (or is this machine's clock wrong?)",
    18: "is self-signed: give it, or its CA, as mqtt.ca",
    19: "comes from an authority that is not trusted here: give that CA's certificate as mqtt.ca",
    20: "comes from an authority that is not trusted here: give that CA's certificate as mqtt.ca",
    21: "comes from an authority that is not trusted here: give that CA's certificate as mqtt.ca",
    62: "is for another name: use the name that it was made for in mqtt.url",
    64: "is for another address: use the name that it was made for in mqtt.url",
}
"""By OpenSSL's verify code (X509_V_ERR_*)."""

_ABOUT_OWN_CERTIFICATE = (
    "CERTIFICATE_REQUIRED", "HANDSHAKE_FAILURE", "BAD_CERTIFICATE", "UNKNOWN_CA", "CERTIFICATE_UNKNOWN",
    "CERTIFICATE_EXPIRED", "CERTIFICATE_REVOKED", "ACCESS_DENIED",
)  # fmt: skip


def dial_failure(error: BaseException, options: MqttOptions) -> Failure:
    """What an exception from the look-up, TCP, TLS or the websocket means."""
    broker = options.broker
    if isinstance(error, TlsFilesError):
        return Failure(FailureKind.REFUSED, str(error))
    if isinstance(error, ssl.SSLError):
        return _tls_failure(error, options)
    if isinstance(error, socket.gaierror):
        text = f"the host {options.host} is not known: check mqtt.url and this machine's DNS"
    elif isinstance(error, ConnectionRefusedError):
        text = f"nothing listens on {broker}: is the broker running, and is the port right?"
    elif isinstance(error, TimeoutError):
        text = f"{broker} does not answer: is it on, and does a firewall let this machine through?"
    elif isinstance(error, ConnectionResetError) and options.tls:
        text = _closed_in_handshake(options)
    elif isinstance(error, ConnectionError) and options.transport == "websockets":
        text = f"{broker} does not speak MQTT over websockets at {_bare(options.path)}: check mqtt.url"
    elif isinstance(error, OSError):
        text = f"{broker} cannot be reached: {error.strerror or error}"
    else:
        text = f"{broker} cannot be reached: {type(error).__name__}"
    return Failure(FailureKind.UNREACHABLE, text)


def connack_failure(code: int, name: str, options: MqttOptions) -> Failure:
    """What a CONNACK other than success means; codes are those of MQTT 5, 2.4."""
    broker = options.broker
    if code in {0x86, 0x87}:
        if options.username is None:
            return Failure(
                FailureKind.REFUSED,
                f"{broker} wants a user name and password: set mqtt.username and mqtt.password",
            )
        return Failure(
            FailureKind.REFUSED,
            f"{broker} refuses the user {options.username!r}: check mqtt.username and mqtt.password, "
            "and that the broker allows this client",
        )
    if code == 0x84:
        text = f"{broker} does not speak this version of MQTT: set mqtt.protocol to auto"
        return Failure(FailureKind.NO_ANSWER, text)
    if code == 0x85:
        text = f"{broker} refuses the client id {options.client_id!r}: allow it there, or rename the device"
        return Failure(FailureKind.REFUSED, text)
    if code in {0x88, 0x89, 0x9F}:
        return Failure(FailureKind.BUSY, f"{broker} has too much to do and lets nobody in for now: {name}")
    if code in {0x8A, 0x8C, 0x95, 0x97, 0x9C, 0x9D}:
        return Failure(FailureKind.REFUSED, f"{broker} refuses the connection: {name}")
    return Failure(FailureKind.UNREACHABLE, f"{broker} refuses the connection for now: {name}")


def silence(options: MqttOptions) -> Failure:
    """Nothing came on CONNECT in time."""
    text = f"{options.broker} took the connection but does not answer: is it overloaded or hung?"
    return Failure(FailureKind.SILENT, text)


def unanswered(error: BaseException | None, options: MqttOptions) -> Failure:
    """The connection ended, with ``error`` or without, after CONNECT and before CONNACK."""
    if isinstance(error, ssl.SSLError):
        return _tls_failure(error, options)
    text = f"{options.broker} closed the connection without an answer: is it an MQTT broker"
    doubt = (
        "and does it let this client in?" if options.tls else "without TLS, and does it let this client in?"
    )
    return Failure(FailureKind.NO_ANSWER, f"{text}, {doubt}")


def disconnect_failure(code: int, name: str, *, from_broker: bool, options: MqttOptions) -> Failure:
    """What the end of a connection that was there means; codes are those of MQTT 5, 2.4."""
    broker = options.broker
    if from_broker and code == 0x8E:
        return Failure(FailureKind.TAKEN_OVER, same_id_text(options))
    if from_broker and code:
        return Failure(FailureKind.LOST, f"{broker} ended the connection: {name}")
    if code == 0x8D:
        return Failure(FailureKind.LOST, f"{broker} has fallen silent: no answer to keep-alive")
    return Failure(FailureKind.LOST, f"the connection to {broker} broke")


def same_id_text(options: MqttOptions) -> str:
    return (
        f"another client uses the id {options.client_id!r} on {options.broker}: "
        "two devices must not have the same name"
    )


def _tls_failure(error: ssl.SSLError, options: MqttOptions) -> Failure:
    broker = options.broker
    reason = getattr(error, "reason", None) or ""  # unset when the ssl module itself raised it
    if isinstance(error, ssl.SSLCertVerificationError):
        trouble = _CERTIFICATE_TROUBLE.get(error.verify_code, f"is not accepted: {error.verify_message}")
        return Failure(FailureKind.REFUSED, f"the certificate of {broker} {trouble}")
    if reason in {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "UNEXPECTED_MESSAGE"}:
        text = f"{broker} does not speak TLS on this port: use its TLS port (often 8883), or mqtt://"
        return Failure(FailureKind.REFUSED, text)
    if any(word in reason for word in _ABOUT_OWN_CERTIFICATE):
        what = "this client's certificate" if options.cert else "a client without certificate"
        text = f"{broker} does not accept {what}: check mqtt.cert and mqtt.key ({reason.lower()})"
        return Failure(FailureKind.REFUSED, text)
    if isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)) or "EOF" in reason:
        return Failure(FailureKind.UNREACHABLE, _closed_in_handshake(options))
    return Failure(FailureKind.UNREACHABLE, f"TLS with {broker} failed: {reason.lower() or error}")


def _closed_in_handshake(options: MqttOptions) -> str:
    doubt = _wants_certificate(options)
    return f"{options.broker} closed the connection during the TLS handshake: is it the TLS port{doubt}?"


def _wants_certificate(options: MqttOptions) -> str:
    """With TLS 1.3 the broker's alert can be lost behind its reset, so this is said whenever it may be so."""
    return "" if options.cert else ", does it want a client certificate (mqtt.cert)"


def _bare(path: str) -> str:
    """Without the query, in which tokens travel."""
    return path.partition("?")[0]
