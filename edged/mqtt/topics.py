"""Where each payload goes: the topics of the contract. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from edged.model.prefix import check_prefix

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


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
