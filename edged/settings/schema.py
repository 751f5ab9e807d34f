"""The upper part of the file: the settings, which belong to the device."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, WithJsonSchema, model_validator

from edged.model.prefix import DEFAULT_PREFIX, check_prefix
from edged.settings.defaults import default_device, default_storage
from edged.settings.fields import Flag, Name, Section, Text, Whole, refuse
from edged.settings.hosts import check_host_rule
from edged.settings.spec import Spec

_BROKER = "mqtts://broker.example:8883"
_TLS_SCHEMES = ("mqtts", "wss")
_SCHEMES = ("mqtt", "mqtts", "ws", "wss", "embedded")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def _check_broker(url: str) -> str:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise refuse(f"cannot be read as a URL; write scheme://host:port, for example {_BROKER}") from None
    if parts.scheme not in _SCHEMES:
        raise refuse(
            f"should begin with {'://, '.join(_SCHEMES[:-1])}:// or embedded://, for example {_BROKER}"
        )
    if "@" in parts.netloc:
        raise refuse("holds credentials; give them as mqtt.username and mqtt.password")
    if not host or port == 0:
        raise refuse(f"needs a host, and a port of 1 to 65535 if any, for example {_BROKER}")
    if parts.scheme == "embedded" and host not in _LOOPBACK:
        raise refuse("the embedded broker listens on loopback only: embedded://127.0.0.1:1883")
    if parts.query or parts.fragment or (parts.path.strip("/") and not parts.scheme.startswith("ws")):
        raise refuse(f"should end after the port, for example {_BROKER}; only ws:// and wss:// take a path")
    return url


def _check_prefix(prefix: str) -> str:
    try:
        return check_prefix(prefix)
    except ValueError as error:
        raise refuse(str(error)) from None


def _number_or_text(version: Any) -> Any:
    """``5`` is a number to YAML, and ``3.1.1`` is not."""
    return "5" if type(version) is int and version == 5 else version


def _check_distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if names.count(name) > 1:
            raise refuse(f'names "{name}" twice')
    return names


class MqttSettings(Section):
    """How the broker is reached."""

    url: Annotated[Text, AfterValidator(_check_broker)] = Field(
        default="embedded://127.0.0.1:1883",
        description="mqtt://, mqtts://, ws:// or wss:// and the broker's host and port; "
        "embedded://127.0.0.1:1883 "
        "is a broker that the daemon starts itself, on loopback only.",
        examples=[_BROKER],
    )
    username: Text | None = Field(
        default=None, description="The user name at the broker.", examples=["gate-01"]
    )
    password: SecretStr | None = Field(
        default=None,
        description="The password at the broker, best as a reference.",
        examples=["${credential:mqtt-password}"],
    )
    ca: Path | None = Field(
        default=None,
        description="Certificates (PEM) that the broker's is checked with; default: those of the system.",
        examples=["/etc/edged/ca.crt"],
    )
    cert: Path | None = Field(
        default=None,
        description="This device's certificate (PEM), for mutual TLS.",
        examples=["/etc/edged/gate-01.crt"],
    )
    key: Path | None = Field(
        default=None,
        description="The key (PEM) of this device's certificate.",
        examples=["/etc/edged/gate-01.key"],
    )
    protocol: Annotated[
        Literal["auto", "5", "3.1.1"],
        BeforeValidator(_number_or_text),
        WithJsonSchema({"enum": ["auto", 5, "5", "3.1.1"]}),
    ] = Field(
        default="auto",
        description="The version of MQTT; auto: 5 where the broker speaks it.",
        examples=["3.1.1"],
    )
    prefix: Annotated[Text, Field(max_length=256), AfterValidator(_check_prefix)] = Field(
        default=DEFAULT_PREFIX, description="What every topic begins with.", examples=[DEFAULT_PREFIX]
    )
    discovery: Literal["homeassistant"] | None = Field(
        default=None,
        description="homeassistant: this device, its sources and jobs appear in Home Assistant by "
        "themselves, over the same broker; default: not.",
        examples=["homeassistant"],
    )

    @model_validator(mode="after")
    def _consistent(self) -> MqttSettings:
        if self.password is not None and self.username is None:
            raise refuse("has a password and no username; add username:")
        if (self.cert is None) != (self.key is None):
            raise refuse("cert and key go together: give both or none")
        if (self.ca or self.cert) and not self.url.startswith(_TLS_SCHEMES):
            raise refuse("ca, cert and key are for mqtts:// and wss://; change url or leave them out")
        return self


OUTBOX_SHARE = 0.5
"""Of `Storage.max_mb`: for messages. The rest is for what SQLite needs beside rows."""


class Storage(Section):
    """The daemon's folder and its size."""

    path: Path = Field(
        default_factory=default_storage,
        description="A folder; default: $STATE_DIRECTORY, else the user's state folder "
        "(~/.local/state/edged).",
        examples=["/var/lib/edged"],
    )
    max_mb: Annotated[Whole, Field(ge=16, le=1_048_576)] = Field(
        default=512,
        description="The most megabytes that are kept of what the broker was not given yet; beyond them the "
        "oldest results go first, events last. Models that a spec brings do not count: they come only where "
        "half of this stays free on the disk. `edged doctor` warns where less is free.",
        examples=[512],
    )


class Recordings(Section):
    """What is recorded of all sources."""

    path: Path | None = Field(
        default=None, description="A folder; default: recordings in storage.path.", examples=["/media/disk"]
    )
    max_mb: Annotated[Whole, Field(ge=10)] = Field(
        default=4096,
        description="The most megabytes of them, clips included; the oldest files go first, clips last.",
        examples=[4096],
    )
    max_days: Annotated[float, Field(gt=0, le=3650)] = Field(
        default=30.0, description="Days after which a file goes.", examples=[30]
    )


class Live(Section):
    """How live pictures are served by this device. Without a password only to itself."""

    host: Text | None = Field(
        default=None,
        description="The address that is listened on; default: all of them where there is a password, else "
        "127.0.0.1.",
        examples=["0.0.0.0"],  # noqa: S104 - an example
    )
    rtsp_port: Annotated[Whole, Field(ge=0, le=65535)] = Field(
        default=8554, description="TCP port of rtsp://; 0: any that is free.", examples=[8554]
    )
    http_port: Annotated[Whole, Field(ge=0, le=65535)] = Field(
        default=8555, description="TCP port of MJPEG over http://; 0: any that is free.", examples=[8555]
    )
    username: Text = Field(
        default="viewer", description="Whoever looks needs this name and the password.", examples=["viewer"]
    )
    password: SecretStr | None = Field(
        default=None,
        description="Best as a reference. Default: none, and nobody but this device itself may look.",
        examples=["${credential:live-password}"],
    )
    anonymous: Flag = Field(
        default=False, description="true: anybody who reaches this device may look.", examples=[True]
    )

    @model_validator(mode="after")
    def _protected(self) -> Live:
        if self.password is not None and not self.password.get_secret_value().strip():
            raise refuse("has an empty password, with which anybody could look: give one, or leave it out")
        if self.anonymous and self.password is not None:
            raise refuse("has a password and lets anybody look: leave out anonymous or password")
        if self.host not in (None, *_LOOPBACK) and self.password is None and not self.anonymous:
            raise refuse(
                f"would show live pictures to anybody who reaches {self.host}: set live.password, or "
                "live.anonymous: true"
            )
        if self.rtsp_port and self.rtsp_port == self.http_port:
            raise refuse(f"has port {self.rtsp_port} twice: rtsp_port and http_port should differ")
        return self

    @property
    def listen_on(self) -> str:
        """The address."""
        if self.host is not None:
            return self.host
        return "127.0.0.1" if self.password is None and not self.anonymous else "0.0.0.0"  # noqa: S104


class SecretRule(Section):
    """One secret that a spec may use as ${secret:NAME}: where it is, and toward which hosts it may go."""

    credential: Name | None = Field(
        default=None, description="A systemd credential, by name.", examples=["cam-password"]
    )
    env: Name | None = Field(
        default=None, description="An environment variable, by name.", examples=["CAM_PASSWORD"]
    )
    file: Path | None = Field(
        default=None, description="A file that holds it.", examples=["/etc/edged/cam.secret"]
    )
    hosts: tuple[Annotated[str, AfterValidator(check_host_rule)], ...] = Field(
        default=(),
        description='Networks (10.0.0.0/8), addresses, host names, *.example.com, or "*" for any; '
        "none: nowhere.",
        examples=[["10.0.0.0/8"]],
    )

    @model_validator(mode="after")
    def _one_place(self) -> SecretRule:
        if sum(place is not None for place in (self.credential, self.env, self.file)) != 1:
            raise refuse("should say where the secret is with exactly one of credential, env and file")
        if not self.hosts:
            raise refuse(
                'should say toward which hosts it may be used: hosts: [10.0.0.0/8], or ["*"] for any'
            )
        return self


class Settings(Section):
    """The whole file of a device."""

    device: Name = Field(
        default_factory=default_device,
        description="This device's name in topics; default: its host name, and for a stock one the end "
        "of the MAC.",
        examples=["gate-01"],
    )
    groups: Annotated[tuple[Name, ...], Field(max_length=64), AfterValidator(_check_distinct)] = Field(
        default=(),
        description="Groups that this device belongs to: it also takes commands to @NAME. Every device "
        "takes those to @all.",
        examples=[["site-a", "entrances"]],
    )
    mqtt: MqttSettings = Field(
        default_factory=MqttSettings, description="The broker.", examples=[{"url": _BROKER}]
    )
    storage: Storage = Field(
        default_factory=Storage,
        description="Where the daemon keeps what must outlive it.",
        examples=[{"path": "/var/lib/edged", "max_mb": 512}],
    )
    recordings: Recordings = Field(
        default_factory=Recordings,
        description="Where recordings and clips lie, and how much of them is kept.",
        examples=[{"path": "/media/disk", "max_mb": 20000}],
    )
    live: Live = Field(
        default_factory=Live,
        description="How live pictures are served by this device.",
        examples=[{"password": "${credential:live-password}"}],
    )
    models: tuple[Path, ...] = Field(
        default=(),
        description="Folders in which `model: name.onnx` is looked up; default: the one of this file, "
        "and models "
        "in storage.path.",
        examples=[["/var/lib/edged/models"]],
    )
    media: tuple[Path, ...] | None = Field(
        default=None,
        description="Folders in which file sources may lie; default: anywhere for a spec in this file, "
        "nowhere for one from MQTT, whose relative paths count from these folders.",
        examples=[["/var/lib/edged/media"]],
    )
    algorithms: tuple[Path, ...] = Field(
        default=(),
        description="More folders that algorithms may be imported from; nothing else ever is.",
        examples=[["/etc/edged/algos"]],
    )
    secrets: dict[Name, SecretRule] = Field(
        default_factory=dict,
        description="What a spec may use as ${secret:NAME}, and toward which hosts.",
        examples=[{"cam": {"credential": "cam-password", "hosts": ["10.0.0.0/8"]}}],
    )
    spec: Spec = Field(
        default_factory=Spec,
        description="What to run.",
        examples=[{"sources": {"cam": {"url": "video.mp4"}}, "jobs": {"people": {"algorithm": "motion"}}}],
    )


def anchored(settings: Settings, folder: Path) -> Settings:
    """The same with every path of the device absolute: relative ones count from the file's folder."""

    def absolute(path: Path) -> Path:
        return folder / os.path.expanduser(path)  # noqa: PTH111 — Path's raises where there is no such user

    def optional(path: Path | None) -> Path | None:
        return None if path is None else absolute(path)

    def each(paths: tuple[Path, ...]) -> tuple[Path, ...]:
        return tuple(absolute(path) for path in paths)

    mqtt, storage = settings.mqtt, settings.storage
    storage = storage.model_copy(update={"path": absolute(storage.path)})
    tls: dict[str, Any] = {name: optional(getattr(mqtt, name)) for name in ("ca", "cert", "key")}
    secrets = {
        name: rule.model_copy(update={"file": optional(rule.file)}) for name, rule in settings.secrets.items()
    }
    changes: dict[str, Any] = {
        "mqtt": mqtt.model_copy(update=tls),
        "storage": storage,
        "recordings": settings.recordings.model_copy(
            update={"path": optional(settings.recordings.path) or storage.path / "recordings"}
        ),
        "models": each(settings.models) or (folder, storage.path / "models"),
        "media": None if settings.media is None else each(settings.media),
        "algorithms": each(settings.algorithms),
        "secrets": secrets,
    }
    return settings.model_copy(update=changes)
