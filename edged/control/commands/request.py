"""A request and its answer, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from edged.errors import EdgedError


@dataclass(frozen=True, slots=True)
class Request:
    """One command, its payload decoded and its arguments not checked yet."""

    op: str
    id: str = ""
    """Empty: it gave none, and runs each time."""
    arguments: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a request; `code` is empty when all went well."""

    code: str = ""
    message: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    """Plain JSON values."""

    @property
    def ok(self) -> bool:
        return not self.code


class CommandFailed(EdgedError):
    """A command that cannot be carried out: one of the contract's codes, and the mend in the message."""

    def __init__(self, code: str, message: str, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(message, code=code)
        self.data = dict(data or {})
