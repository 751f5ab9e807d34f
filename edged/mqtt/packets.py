"""Between paho's words and ours: what a connection says and hears, as values of this package.

Beside `edged.mqtt.connection` the only importer of paho.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from edged.mqtt.message import Message, Received
from edged.mqtt.options import MqttOptions
from edged.mqtt.protocol import Protocol
from edged.mqtt.subscription import Replay, Subscription

LARGEST_PACKET_BYTES = 16 * 1024 * 1024
"""What comes in is never larger: an MQTT 5 broker is told so, another's packet is cut."""
_RECEIVE_MAXIMUM = 32
"""Messages that the broker may send before one is acknowledged; bounds what waits in this process."""
_BROKER_RECEIVE_MAXIMUM = 65535
_BROKER_PACKET_BYTES = 268_435_455
_REFUSED = 0x80


@dataclass(frozen=True, slots=True)
class Accepted:
    """What the broker said when it let us in."""

    receive_maximum: int
    """Messages with QoS 1 that may be in flight."""
    maximum_packet_bytes: int


def new_client(options: MqttOptions, version: Protocol, *, keep_session: bool) -> Client:
    """A paho client for one connection, which acknowledges nothing by itself."""
    is_v5 = version is Protocol.V5
    return Client(
        CallbackAPIVersion.VERSION2,
        client_id=options.client_id,
        clean_session=None if is_v5 else not keep_session,
        protocol=MQTTProtocolVersion.MQTTv5 if is_v5 else MQTTProtocolVersion.MQTTv311,
        transport=options.transport,
        reconnect_on_failure=False,  # else paho redials from within `loop_read`, blocking
        manual_ack=True,
    )


def connect_properties(options: MqttOptions) -> Properties:
    """Of an MQTT 5 CONNECT."""
    properties: Properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = options.session_expiry_s if options.keep_session else 0
    properties.MaximumPacketSize = LARGEST_PACKET_BYTES
    properties.ReceiveMaximum = _RECEIVE_MAXIMUM
    return properties


def will_properties(options: MqttOptions) -> Properties:
    """Of an MQTT 5 will; without a kept session there is nothing to come back to, so it is not delayed."""
    properties: Properties = Properties(PacketTypes.WILLMESSAGE)  # type: ignore[no-untyped-call]
    properties.WillDelayInterval = options.will_delay_s if options.keep_session else 0
    return properties


def publish_properties(message: Message) -> Properties | None:
    """Of an MQTT 5 PUBLISH. None: there are none."""
    if not message.correlation:
        return None
    properties: Properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.CorrelationData = message.correlation
    return properties


def subscribe_topics(subscriptions: Sequence[Subscription], version: Protocol) -> list[tuple[str, Any]]:
    """What paho's ``subscribe`` takes."""
    if version is not Protocol.V5:
        return [(subscription.topic, 1) for subscription in subscriptions]
    return [(subscription.topic, _subscribe_options(subscription.replay)) for subscription in subscriptions]


def accepted(properties: Properties | None) -> Accepted:
    """From an MQTT 5 CONNACK, or from none."""
    return Accepted(
        receive_maximum=getattr(properties, "ReceiveMaximum", _BROKER_RECEIVE_MAXIMUM),
        maximum_packet_bytes=getattr(properties, "MaximumPacketSize", _BROKER_PACKET_BYTES),
    )


def received(message: MQTTMessage, acknowledge: Callable[[], None], *, limit_bytes: int) -> Received:
    """What came, its payload cut to ``limit_bytes``. Raises UnicodeDecodeError: the topic is no text."""
    properties = message.properties
    return Received(
        topic=message.topic,
        payload=bytes(message.payload[:limit_bytes]),
        retain=message.retain,
        duplicate=message.dup,
        response_topic=getattr(properties, "ResponseTopic", ""),
        correlation=getattr(properties, "CorrelationData", b""),
        acknowledge=acknowledge,
    )


def refusals(
    subscriptions: Sequence[Subscription], codes: Sequence[ReasonCode], properties: Properties | None
) -> Iterator[tuple[str, str]]:
    """The topics that a SUBACK refuses, each with the broker's reason."""
    said = getattr(properties, "ReasonString", "")
    for subscription, code in zip(subscriptions, codes, strict=False):
        if code.value >= _REFUSED:
            yield subscription.topic, said or str(code)


def bound_packet(client: Client) -> None:
    """Keep of a packet that is too large only its beginning; call it while one is read.

    An MQTT 3.1.1 broker cannot be told a limit: whoever may publish a command could send 256 MB, and a
    device that dies of it gets it again from the kept session. To hang up would bring it again as well.
    """
    reading: dict[str, Any] | None = getattr(client, "_in_packet", None)
    if reading is None or reading.get("remaining_length", 0) <= LARGEST_PACKET_BYTES:
        return
    if not isinstance(reading["packet"], Beginning):
        reading["packet"] = Beginning(reading["packet"])


class Beginning(bytearray):
    """Bytes that stop growing at `LARGEST_PACKET_BYTES`."""

    def __iadd__(self, more: Any) -> Beginning:  # type: ignore[misc] # it is what paho calls; no other is
        self.extend(more[: max(0, LARGEST_PACKET_BYTES - len(self))])
        return self


def _subscribe_options(replay: Replay) -> SubscribeOptions:
    """``retainAsPublished`` shows a command that was published to be retained also when it comes live."""
    handling = (
        SubscribeOptions.RETAIN_SEND_ON_SUBSCRIBE
        if replay is Replay.ALWAYS
        else SubscribeOptions.RETAIN_SEND_IF_NEW_SUB
    )
    return SubscribeOptions(qos=1, retainAsPublished=True, retainHandling=handling)
