"""Main's link to the broker: the MQTT client with this device's birth, will and last words."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from edged.errors import Problem, SpecRejected
from edged.mqtt.client import ConnectionState, MqttClient
from edged.mqtt.codec import DeviceState, state_payload
from edged.mqtt.embedded_spec import BrokerSpec
from edged.mqtt.message import Message, Worth
from edged.mqtt.options import MqttOptions, options_from_url
from edged.mqtt.protocol import Protocol
from edged.mqtt.topics import Topics
from edged.settings import Settings

log = logging.getLogger("edged.link")


class BrokerLink:
    """The `Publisher` of the daemon. Raises `SpecRejected` for a broker that cannot be spoken to."""

    def __init__(self, settings: Settings, topics: Topics, boot: str) -> None:
        self._topics = topics
        self._boot = boot
        self.options = broker_options(settings)
        embedded = urlsplit(settings.mqtt.url).scheme == "embedded"
        self.embedded = BrokerSpec(self.options.host, self.options.port) if embedded else None
        """Where the daemon's own broker shall listen; None when the broker is another's."""
        since_ns = time.time_ns()
        will = Message(topics.state, state_payload(DeviceState.OFFLINE, boot, since_ns), qos=1, retain=True)
        self.client = MqttClient(self.options, will=will, memory_path=_memory_path(settings))
        self.client.retain(topics.state, state_payload(DeviceState.ONLINE, boot, since_ns))

    @property
    def state(self) -> ConnectionState:
        return self.client.state

    async def run(self) -> None:
        """Connect, and connect again, until cancelled or stopped."""
        await self.client.run()

    def publish(self, topic: str, payload: bytes, qos: int, worth: Worth = Worth.RESULT) -> None:
        self.client.publish(Message(topic, payload, qos, worth=worth))

    def retain(self, topic: str, payload: bytes) -> None:
        self.client.retain(topic, payload)

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
