"""Main's link to the broker: the MQTT client with this device's birth, will and last words."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from edged.control.discovery import BIRTH_TOPIC
from edged.errors import Problem, SpecRejected
from edged.mqtt.client import ConnectionState, MqttClient
from edged.mqtt.codec import DeviceState, state_payload
from edged.mqtt.decoding import MAX_INBOUND_BYTES
from edged.mqtt.durable import DurableOutbox
from edged.mqtt.embedded_spec import BrokerSpec
from edged.mqtt.message import Message, Received, Worth
from edged.mqtt.options import MqttOptions, options_from_url
from edged.mqtt.protocol import Protocol
from edged.mqtt.subscription import Replay, Subscription
from edged.mqtt.topics import Topics
from edged.settings import Settings

log = logging.getLogger("edged.link")


class BrokerLink:
    """The `Publisher` and the `AnswerSink` of the daemon.

    Raises `SpecRejected` for a broker that cannot be spoken to.
    """

    def __init__(
        self,
        settings: Settings,
        topics: Topics,
        boot: str,
        outbox: DurableOutbox,
        on_message: Callable[[Received], None],
    ) -> None:
        self._topics = topics
        self._boot = boot
        self.outbox = outbox
        self.options = broker_options(settings)
        embedded = urlsplit(settings.mqtt.url).scheme == "embedded"
        self.embedded = BrokerSpec(self.options.host, self.options.port) if embedded else None
        """Where the daemon's own broker shall listen; None when the broker is another's."""
        since_ns = time.time_ns()
        lost = state_payload(DeviceState.OFFLINE, boot, since_ns, lost=True)
        will = Message(topics.state, lost, qos=1, retain=True)
        self.client = MqttClient(
            self.options,
            will=will,
            on_message=on_message,
            subscribe=listened_to(settings, topics),
            memory_path=_memory_path(settings),
            outbox=outbox,
        )
        self.client.retain(topics.state, state_payload(DeviceState.ONLINE, boot, since_ns))

    @property
    def state(self) -> ConnectionState:
        return self.client.state

    @property
    def clearing(self) -> frozenset[str]:
        """Topics that are to be cleared, as far as the broker has not said that it did."""
        return self.client.clearing

    @property
    def drops(self) -> Mapping[str, int]:
        """Messages given up since the start: of the outbox by worth, and what was never in it."""
        owed = {worth.name.lower(): count for worth, count in self.outbox.drops.items()}
        return {"unsent": self.client.counters.dropped - self.outbox.dropped, **owed}

    async def run(self) -> None:
        """Connect, and connect again, until cancelled or stopped."""
        await self.client.run()

    def publish(self, topic: str, payload: bytes, qos: int, worth: Worth = Worth.RESULT) -> None:
        self.client.publish(Message(topic, payload, qos, worth=worth))

    def answer(self, topic: str, payload: bytes, correlation: bytes) -> None:
        """To the place that an MQTT 5 request named."""
        self.client.publish(Message(topic, payload, qos=1, worth=Worth.ANSWER, correlation=correlation))

    def retain(self, topic: str, payload: bytes, *, again: bool = False) -> None:
        self.client.retain(topic, payload, again=again)

    def rebirth(self) -> None:
        """All retained states once more."""
        self.client.publish_retained_again()

    def stopping(self) -> None:
        """Say that the end was ordered, before anything stops."""
        self.client.retain(self._topics.state, self._state(DeviceState.STOPPING))

    async def stop(self) -> None:
        """The last words, then disconnect; bounded in time."""
        offline = self._state(DeviceState.OFFLINE)
        await self.client.stop(Message(self._topics.state, offline, qos=1, retain=True))

    def _state(self, state: DeviceState) -> bytes:
        return state_payload(state, self._boot, time.time_ns())


def broker_options(settings: Settings) -> MqttOptions:
    """How the file says to connect. Raises `SpecRejected`."""
    mqtt = settings.mqtt
    try:
        options = options_from_url(
            mqtt.url,
            device=settings.device,
            username=mqtt.username,
            password=mqtt.password.get_secret_value() if mqtt.password is not None else None,
            ca=mqtt.ca,
            cert=mqtt.cert,
            key=mqtt.key,
            protocol=mqtt.protocol,
        )
    except ValueError as error:
        raise SpecRejected([Problem("mqtt.url", str(error))]) from error
    # one byte more than is taken shows that it was too much
    options = replace(options, payload_limit_bytes=MAX_INBOUND_BYTES + 1)
    if urlsplit(mqtt.url).scheme == "embedded":
        return replace(options, protocol=Protocol.V311)
    return options


def _memory_path(settings: Settings) -> Path | None:
    """Where the client remembers which protocol worked; None when nothing can be kept."""
    folder = Path(settings.storage.path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        log.warning("nothing is kept over restarts: %s: %s", folder, error.strerror)
        return None
    return folder / "mqtt.json"


def listened_to(settings: Settings, topics: Topics) -> tuple[Subscription, ...]:
    """All that the daemon listens to."""
    home = (Subscription(BIRTH_TOPIC, replay=Replay.NEW_ONLY),) if settings.mqtt.discovery else ()
    return (*topics.subscriptions, *home)
