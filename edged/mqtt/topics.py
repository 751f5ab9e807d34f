"""Where each payload goes: the topics of the contract. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LEVEL = re.compile(r"[^\x00-\x1f\x7f+#/$@][^\x00-\x1f\x7f+#/]*")
_PREFIX_BYTES = 256
DEFAULT_PREFIX = "edged/v1"


def check_prefix(prefix: str) -> str:
    """The prefix, when topics can be built on it. Raises ValueError that says what would be right."""
    levels = prefix.split("/")
    if len(prefix.encode("utf-8", "surrogatepass")) > _PREFIX_BYTES:
        raise ValueError(f"longer than {_PREFIX_BYTES} bytes; a short one such as {DEFAULT_PREFIX} is right")
    if not all(_LEVEL.fullmatch(level) for level in levels):
        raise ValueError(
            "levels between slashes must not be empty, hold + # or control characters, "
            f"or start with $ or @; for instance {DEFAULT_PREFIX}"
        )
    return prefix


@dataclass(frozen=True, slots=True)
class Topics:
    """All topics of one device. Names are ``[A-Za-z0-9_-]{1,64}``; another raises ValueError."""

    prefix: str
    device: str

    def __post_init__(self) -> None:
        check_prefix(self.prefix)
        _checked(self.device)

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

    def source_status(self, source: str) -> str:
        return f"{self.root}/source/{_checked(source)}/status"

    def snapshot(self, source: str) -> str:
        return f"{self.root}/source/{_checked(source)}/snapshot"

    def job_status(self, job: str) -> str:
        return f"{self.root}/job/{_checked(job)}/status"

    def result(self, job: str, source: str) -> str:
        return f"{self.root}/job/{_checked(job)}/{_checked(source)}/result"

    def counts(self, job: str, source: str) -> str:
        return f"{self.root}/job/{_checked(job)}/{_checked(source)}/counts"

    def event(self, job: str, source: str) -> str:
        return f"{self.root}/job/{_checked(job)}/{_checked(source)}/event"


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name: letters, digits, - and _, at most 64")
    return name
