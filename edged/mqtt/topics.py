"""Where each payload goes and comes from: the topics of the contract. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from edged.model.prefix import check_prefix
from edged.mqtt.subscription import Replay, Subscription

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_OP = re.compile(r"[a-z_]{1,32}")
_ALL = "all"
_OWN_BRANCHES = {"state", "info", "desired", "reported", "cmd", "health", "source", "job", "output"}
"""What stands below a device and has a meaning of its own; its answers (``res``) are for whoever asked."""
_LONGEST_RESPONSE_TOPIC_BYTES = 512
_LONGEST_TOPIC_BYTES = 65_535
_UNSENDABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f+#\ufdd0-\ufdef\ufffe\uffff"
    + "".join(f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0x10000, 0x110000, 0x10000))
    + "]"
)
"""Wildcards, and what MQTT 5 (1.5.4) lets a broker close the connection for: control characters and Unicode's
non-characters. Lone surrogates cannot be encoded in the first place."""


@dataclass(frozen=True, slots=True)
class DesiredTopic:
    """Something came on ``…/desired``."""


@dataclass(frozen=True, slots=True)
class CommandTopic:
    """A command came."""

    op: str
    """``[a-z_]{1,32}``; whether there is such a command is not said."""
    group: str = ""
    """It was for a group, or ``all``; empty: for this device alone."""


@dataclass(frozen=True, slots=True)
class Topics:
    """All topics of one device. Names are ``[A-Za-z0-9_-]{1,64}``; another raises ValueError."""

    prefix: str
    device: str
    groups: tuple[str, ...] = ()
    """Also listens to what is for them."""

    def __post_init__(self) -> None:
        check_prefix(self.prefix)
        for name in (self.device, *self.groups):
            _checked(name)

    @property
    def root(self) -> str:
        return f"{self.prefix}/{self.device}"

    @property
    def state(self) -> str:
        return f"{self.root}/state"

    @property
    def info(self) -> str:
        return f"{self.root}/info"

    @property
    def health(self) -> str:
        return f"{self.root}/health"

    @property
    def desired(self) -> str:
        return f"{self.root}/desired"

    @property
    def reported(self) -> str:
        return f"{self.root}/reported"

    def answer(self, op: str) -> str:
        if not _OP.fullmatch(op):
            raise ValueError(f"{op!r} is no op: small letters and _, at most 32")
        return f"{self.root}/res/{op}"

    def source_status(self, source: str) -> str:
        return f"{self.root}/source/{_checked(source)}/status"

    def snapshot(self, source: str) -> str:
        return f"{self.root}/source/{_checked(source)}/snapshot"

    def output_status(self, output: str) -> str:
        return f"{self.root}/output/{_checked(output)}/status"

    def job_status(self, job: str) -> str:
        return f"{self.root}/job/{_checked(job)}/status"

    def result(self, job: str, source: str) -> str:
        return f"{self.root}/job/{_checked(job)}/{_checked(source)}/result"

    def crop(self, job: str, source: str) -> str:
        return f"{self.root}/job/{_checked(job)}/{_checked(source)}/crop"

    def counts(self, job: str, source: str) -> str:
        return f"{self.root}/job/{_checked(job)}/{_checked(source)}/counts"

    def event(self, job: str, source: str) -> str:
        return f"{self.root}/job/{_checked(job)}/{_checked(source)}/event"

    @property
    def subscriptions(self) -> tuple[Subscription, ...]:
        """What this device listens to."""
        groups = dict.fromkeys((_ALL, *self.groups))
        return (
            Subscription(self.desired, replay=Replay.ALWAYS),
            Subscription(f"{self.root}/cmd/+", replay=Replay.NEW_ONLY),
            *(Subscription(f"{self.prefix}/@{group}/cmd/+", replay=Replay.NEW_ONLY) for group in groups),
        )

    def parse_inbound(self, topic: str) -> DesiredTopic | CommandTopic | None:
        """What came on ``topic``. None: nothing of ours, such as what is for a group of others."""
        if topic == self.desired:
            return DesiredTopic()
        levels = topic.removeprefix(f"{self.prefix}/").split("/")
        if not topic.startswith(f"{self.prefix}/") or len(levels) != 3 or levels[1] != "cmd":
            return None
        whom, _, op = levels
        if not _OP.fullmatch(op):
            return None
        if whom == self.device:
            return CommandTopic(op)
        group = whom.removeprefix("@")
        return CommandTopic(op, group) if whom != group and group in (_ALL, *self.groups) else None

    def is_safe_response_topic(self, topic: str) -> bool:
        """Whether the answer to a request may go where the request says.

        Whoever may send a command must not get by it what only this device may publish: no command or spec
        to itself or another, no state or result in another's name. Below the prefix only answers and what
        is none of the contract's topics are left.
        """
        if not is_publishable(topic) or "$" in topic or len(topic.encode()) > _LONGEST_RESPONSE_TOPIC_BYTES:
            return False
        if not topic.startswith(f"{self.prefix}/"):
            return True
        whose, *below = topic.removeprefix(f"{self.prefix}/").split("/")
        if below[:1] == ["res"]:
            return whose == self.device  # another's answers are its own to give
        return not below or below[0] not in _OWN_BRANCHES


def is_publishable(topic: str) -> bool:
    """Whether a broker takes it from a publisher, and keeps the connection."""
    try:
        length = len(topic.encode())
    except UnicodeEncodeError:
        return False
    return 0 < length <= _LONGEST_TOPIC_BYTES and not _UNSENDABLE.search(topic)


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name: letters, digits, - and _, at most 64")
    return name
