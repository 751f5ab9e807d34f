"""A desired, from its publishing to what became of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from edged.app.ctl.address import Target
from edged.app.ctl.asking import read_object
from edged.app.ctl.session import Session
from edged.errors import EdgedError
from edged.model.canonical import digest
from edged.model.twin import Phase

_RETAINED_S = 2.0
"""What the broker keeps comes at once; so long it is waited for."""
_SIGN_S = 20.0
"""In which a device that is there takes up what is desired."""
_FINAL = {Phase.APPLIED, Phase.REJECTED, Phase.ROLLED_BACK, Phase.SUPERSEDED}
FOLLOW_S = 1800.0 + 3600.0
"""Longer than a device may prepare, and longer than its trial with any usual gate."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A ``…/reported``, as far as it matters here."""

    content: dict[str, Any] = field(default_factory=dict)

    @property
    def is_known(self) -> bool:
        return bool(self.content)

    @property
    def phase(self) -> str:
        return str(self.content.get("phase") or "")

    @property
    def desired_revision(self) -> int:
        return _whole(self.content.get("desired_revision"))

    @property
    def highest(self) -> int:
        """The highest revision it speaks of."""
        highest = _whole(self.content.get("highest_revision"))
        return max(_whole(self.content.get("revision")), self.desired_revision, highest)

    @property
    def is_applied(self) -> bool:
        return self.phase == Phase.APPLIED

    def verdict(self, revision: int) -> Standing | None:
        """How it ended for ``revision``; None: not yet, as far as this says."""
        if self.desired_revision == revision and self.phase in _FINAL:
            return self
        if self.desired_revision > revision:
            runs = self.content.get("revision") == revision
            phase = Phase.APPLIED if runs else Phase.SUPERSEDED
            return Standing({**self.content, "phase": phase.value})
        return None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What shall run."""

    spec: dict[str, Any] = field(repr=False)
    revision: int | None = None
    """None: the next one."""
    envelope: dict[str, Any] = field(default_factory=dict)
    """``gate``, ``keep_local``."""

    def payload(self, revision: int) -> bytes:
        """Raises `EdgedError` for a spec that JSON cannot hold."""
        try:
            whole = {"revision": revision, "spec": self.spec, "digest": digest(self.spec), **self.envelope}
            return json.dumps(whole, ensure_ascii=False).encode()
        except ValueError as error:
            raise EdgedError(f"the spec {error}", code="invalid") from None


class Following:
    """One device's ``reported``, on one session that listens to `topics_for`."""

    def __init__(self, session: Session, target: Target, on_phase: Callable[[Standing], None]) -> None:
        self._session = session
        self._target = target
        self._on_phase = on_phase
        self._state = ""
        self._desired_revision = 0
        self._standing = Standing()

    async def apply(self, wanted: Wanted, within_s: float) -> Standing:
        """Publish it and follow it to its end. Raises `EdgedError` when the device does not take it up."""
        await self._look(_RETAINED_S)
        revision = wanted.revision or self._next_revision()
        payload = wanted.payload(revision)
        if self._is_decided(wanted, revision):
            return self._standing  # it is not told again
        self._session.keep(f"{self._target.root}/desired", payload)
        return await self._follow(revision, within_s, sign_s=_SIGN_S)

    async def wait(self, revision: int, within_s: float) -> Standing:
        """Until ``revision`` is decided; the standing at the end. Raises `EdgedError` when the time is up."""
        await self._look(_RETAINED_S)
        verdict = self._standing.verdict(revision)
        return verdict or await self._follow(revision, within_s, sign_s=within_s)

    def _is_decided(self, wanted: Wanted, revision: int) -> bool:
        """The same was decided before."""
        same = self._standing.content.get("digest") == digest(wanted.spec)
        return same and self._standing.desired_revision == revision and self._standing.phase in _FINAL

    def _next_revision(self) -> int:
        if not self._standing.is_known and not self._state:
            raise EdgedError(
                f"nothing is known of {self._target.name} on this broker: check the name and the --prefix; "
                "for a device that has never been there say which revision: --revision 1",
                code="not_found",
            )
        return max(self._standing.highest, self._desired_revision) + 1

    async def _look(self, within_s: float) -> None:
        """Take what the broker keeps; the state was asked for last and so comes last."""
        loop = asyncio.get_running_loop()
        until = loop.time() + within_s
        while not self._state and (received := await self._session.receive(until - loop.time())) is not None:
            self._take(received.topic, received.payload)

    async def _follow(self, revision: int, within_s: float, *, sign_s: float) -> Standing:
        loop = asyncio.get_running_loop()
        until = loop.time() + within_s
        sign_until = loop.time() + sign_s
        taken_up = False
        while True:
            limit = until if taken_up else min(until, sign_until)
            received = await self._session.receive(limit - loop.time())
            if received is None:
                raise EdgedError(self._silence(revision, taken_up=taken_up), code="timeout")
            if not self._take(received.topic, received.payload):
                continue
            if self._standing.desired_revision == revision:
                taken_up = True
                self._on_phase(self._standing)
            if (verdict := self._standing.verdict(revision)) is not None:
                return verdict

    def _take(self, topic: str, payload: bytes) -> bool:
        """True: it was news of ``reported``."""
        content = read_object(payload)
        if topic.endswith("/reported"):
            self._standing = Standing(content)
            return True
        if topic.endswith("/state"):
            self._state = str(content.get("state", ""))
        elif topic.endswith("/desired"):
            self._desired_revision = max(self._desired_revision, _whole(content.get("revision")))
        return False

    def _silence(self, revision: int, *, taken_up: bool) -> str:
        name = self._target.name
        if self._session.trouble:
            return f"nothing was heard of revision {revision}: {self._session.trouble}"
        if taken_up:
            return f"{name} is still {self._standing.phase} with revision {revision}: look again later"
        if self._state == "online":
            return (
                f"{name} is online and does not take up revision {revision}: does the broker let you "
                f"publish to {self._target.root}/desired?"
            )
        return f"{name} is {self._state or 'not known here'}: the broker keeps revision {revision} for it"


def topics_for(target: Target) -> list[str]:
    """In the order in which what is retained should come."""
    return [f"{target.root}/desired", f"{target.root}/reported", f"{target.root}/state"]


def _whole(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
