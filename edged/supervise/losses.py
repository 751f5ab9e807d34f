"""Children that died unasked and are replaced: how often, when last and of what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

MOST_KNOWN = 64
"""Names; of more, those that died longest ago are forgotten."""


@dataclass(frozen=True, slots=True)
class Loss:
    """What became of the incarnations of one child."""

    count: int
    at_ns: int
    """On the monotonic clock: when the last of them died."""
    reason: str
    """Of the last, as `ChildExit.reason` has it."""


class Losses:
    """Since the start, by name, with those that could not be started. Provers and others that live shortly by
    design are none.
    """

    def __init__(self) -> None:
        self.total = 0
        """Of all names, also of those that were forgotten."""
        self._by_name: dict[str, Loss] = {}

    @property
    def by_name(self) -> Mapping[str, Loss]:
        """In the order in which each died last."""
        return self._by_name

    def add(self, name: str, reason: str, at_ns: int) -> None:
        before = self._by_name.pop(name, None)
        self._by_name[name] = Loss(1 if before is None else before.count + 1, at_ns, reason)
        self.total += 1
        if len(self._by_name) > MOST_KNOWN:
            del self._by_name[next(iter(self._by_name))]
