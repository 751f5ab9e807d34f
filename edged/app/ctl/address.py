"""Which broker, as whom, and whom on it."""

from __future__ import annotations

import os
import re
import secrets
from dataclasses import dataclass, replace
from pathlib import Path

from edged.errors import EdgedError
from edged.model.prefix import DEFAULT_PREFIX, check_prefix
from edged.mqtt.options import MqttOptions, options_from_url

PASSWORD_VARIABLE = "EDGED_MQTT_PASSWORD"  # noqa: S105  its name, not a password
URL_VARIABLE = "EDGED_MQTT"
_DIAL_WITHIN_S = 10.0
_TARGET = re.compile(r"@?[A-Za-z0-9_-]{1,64}")
_OPTIONS = {
    "url": "--mqtt",
    "username": "--username",
    "password": f"--password-file or {PASSWORD_VARIABLE}",
    "ca": "--ca",
    "cert": "--cert",
    "key": "--key",
    "protocol": "--protocol",
}
"""What a person on the command line gives for a key below ``mqtt``."""


@dataclass(frozen=True, slots=True)
class Given:
    """The options of the command line."""

    mqtt: str | None = None
    username: str | None = None
    password_file: Path | None = None
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    protocol: str = "auto"
    prefix: str | None = None
    config: Path | None = None


@dataclass(frozen=True, slots=True)
class Address:
    """A broker, and what topics on it begin with."""

    options: MqttOptions
    prefix: str
    from_config: bool = False

    def in_words(self, message: str) -> str:
        """A message about the connection, with the keys of the file by the names they have here."""
        if self.from_config:
            return message
        return re.sub(r"\bmqtt\.([a-z]+)\b", lambda match: _OPTIONS.get(match[1], match[0]), message)


@dataclass(frozen=True, slots=True)
class Target:
    """One device, or with a leading @ many."""

    prefix: str
    name: str

    @property
    def is_many(self) -> bool:
        return self.name.startswith("@")

    @property
    def root(self) -> str:
        """Where commands to it go."""
        return f"{self.prefix}/{self.name}"

    @property
    def roots(self) -> str:
        """Where it, or all that may belong to it, publish: a filter."""
        return f"{self.prefix}/+" if self.is_many else self.root

    def device(self, topic: str) -> str:
        """Whose topic it is."""
        return topic.removeprefix(f"{self.prefix}/").partition("/")[0]


def find_target(address: Address, name: str) -> Target:
    """Raises ValueError for what is no name."""
    if not _TARGET.fullmatch(name):
        raise ValueError(f"{name!r} is no device, @group or @all: letters, digits, - and _, at most 64")
    return Target(address.prefix, name)


def find_broker(given: Given) -> Address:
    """Raises ValueError for options that do not go together, `EdgedError` and OSError for files."""
    if given.config is not None and given.mqtt is not None:
        raise ValueError("give --mqtt or --config, not both")
    address = _from_config(given) if given.config is not None else _from_options(given)
    options = replace(
        address.options,
        client_id=f"edged-ctl-{secrets.token_hex(6)}",
        keep_session=False,
        dial_timeout_s=_DIAL_WITHIN_S,
    )
    return replace(address, options=options)


def _from_config(given: Given) -> Address:
    from edged.app.link import broker_options
    from edged.settings import load_settings

    if any((given.username, given.password_file, given.ca, given.cert, given.key)):
        raise ValueError("--config says how to connect: leave the other options of the connection out")
    assert given.config is not None  # noqa: S101  narrows
    settings = load_settings(given.config).settings
    return Address(broker_options(settings), _prefix(given.prefix or settings.mqtt.prefix), from_config=True)


def _from_options(given: Given) -> Address:
    url = given.mqtt or os.environ.get(URL_VARIABLE)
    if not url:
        raise ValueError(f"say which broker: --mqtt mqtt://broker.example, {URL_VARIABLE} or --config FILE")
    password = _password(given)
    if password is not None and given.username is None:
        raise ValueError("a password needs a --username")
    address = Address(MqttOptions("", 0, ""), _prefix(given.prefix or DEFAULT_PREFIX))
    try:
        options = options_from_url(
            url, device="", username=given.username, password=password,
            ca=given.ca, cert=given.cert, key=given.key, protocol=given.protocol,
        )  # fmt: skip
    except ValueError as error:
        raise ValueError(address.in_words(str(error))) from None
    return replace(address, options=options)


def _prefix(prefix: str) -> str:
    try:
        return check_prefix(prefix)
    except ValueError as error:
        raise ValueError(f"--prefix {error}") from None


def _password(given: Given) -> str | None:
    """Never from the command line itself, where everybody on the machine could read it."""
    if given.password_file is None:
        return os.environ.get(PASSWORD_VARIABLE) if given.username is not None else None
    try:
        return given.password_file.read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise EdgedError(f"{given.password_file} is not UTF-8 text", code="invalid") from None
