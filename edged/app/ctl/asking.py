"""A command and its answer, or those of many devices."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from edged.app.ctl.address import Target
from edged.app.ctl.session import Session
from edged.errors import EdgedError

_PICTURE_S = 5.0
"""It travels beside the answer, at most once."""
_KEPT_PICTURES = 8


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked."""

    op: str
    arguments: dict[str, Any] = field(repr=False)
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    """Drawn anew for each, so that a delivery that is repeated has no second effect."""

    @property
    def payload(self) -> bytes:
        return json.dumps({"id": self.id, **self.arguments}, ensure_ascii=False).encode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of one device."""

    device: str
    content: dict[str, Any]

    @property
    def ok(self) -> bool:
        return self.content.get("status") == "ok"

    @property
    def code(self) -> str:
        return str(self.content.get("code") or ("" if self.ok else "internal"))

    @property
    def message(self) -> str:
        return str(self.content.get("message") or "")

    @property
    def data(self) -> Any:
        return self.content.get("data")


def topics_for(target: Target, question: Question) -> list[str]:
    """What has to be listened to from before the question is asked."""
    topics = [f"{target.roots}/res/{question.op}", f"{target.roots}/state"]
    return [*topics, f"{target.root}/source/+/snapshot"] if question.op == "snapshot" else topics


class Conversation:
    """One question on one session."""

    def __init__(
        self,
        session: Session,
        target: Target,
        question: Question,
        on_away: Callable[[str], None] = lambda state: None,
    ) -> None:
        """``on_away`` hears once of a state that is not online: an answer may take until it is."""
        self.states: dict[str, str] = {}
        """What each device's ``state`` says, as far as it came."""
        self._session = session
        self._target = target
        self._question = question
        self._on_away = on_away
        self._pictures: deque[bytes] = deque(maxlen=_KEPT_PICTURES)

    async def replies(self, within_s: float) -> AsyncIterator[Reply]:
        """Ask, and give each device's answer as it comes, until the time is up."""
        loop = asyncio.get_running_loop()
        until = loop.time() + within_s
        self._session.request(f"{self._target.root}/cmd/{self._question.op}", self._question.payload)
        answered: set[str] = set()
        while (received := await self._session.receive(until - loop.time())) is not None:
            reply = self._take(received.topic, received.payload)
            if reply is not None and reply.device not in answered:
                answered.add(reply.device)
                yield reply

    async def picture(self, size: object) -> bytes:
        """The picture of ``size`` bytes that an answer to ``snapshot`` speaks of. Raises `EdgedError`."""
        loop = asyncio.get_running_loop()
        until = loop.time() + _PICTURE_S
        while True:
            for picture in self._pictures:
                if len(picture) == size:
                    return picture
            received = await self._session.receive(until - loop.time())
            if received is None:
                raise EdgedError(
                    "the snapshot was taken but did not arrive: ask again, and check that the broker lets "
                    f"you read {self._target.root}/source/+/snapshot",
                    code="timeout",
                )
            self._take(received.topic, received.payload)

    def _take(self, topic: str, payload: bytes) -> Reply | None:
        device, kind = self._target.device(topic), topic.removeprefix(f"{self._target.prefix}/").split("/")[1]
        if kind == "source":
            self._pictures.append(payload)
            return None
        content = read_object(payload)
        if kind == "state":
            state = str(content.get("state", ""))
            if state != "online" and device not in self.states:
                self._on_away(state)
            self.states[device] = state
            return None
        return Reply(device, content) if content.get("id") == self._question.id else None


async def ask_one(
    session: Session,
    target: Target,
    question: Question,
    within_s: float,
    on_away: Callable[[str], None] = lambda state: None,
) -> tuple[Conversation, Reply]:
    """The answer, right or wrong. Raises `EdgedError` when none comes."""
    conversation = Conversation(session, target, question, on_away)
    async for reply in conversation.replies(within_s):
        return conversation, reply
    raise EdgedError(silence(target, session, conversation.states, within_s), code="timeout")


def silence(target: Target, session: Session, states: dict[str, str], within_s: float) -> str:
    """Why nobody may have answered."""
    nothing = f"no answer from {target.name} within {within_s:g} s"
    if session.trouble:
        return f"{nothing}: {session.trouble}"
    if target.is_many:
        return f"{nothing}: is a device of this group online?"
    state = states.get(target.name)
    if state is None:
        return (
            f"{nothing}: nothing is known of it on this broker. Check the name and the --prefix, and that "
            f"the broker lets you read {target.root}/state"
        )
    if state == "online":
        return (
            f"{nothing}, though it is online: does the broker let you publish to {target.root}/cmd/+ "
            f"and read {target.root}/res/+?"
        )
    return f"{nothing}: it is {state}. The broker may keep the command and hand it over when it is back"


def read_object(payload: bytes) -> dict[str, Any]:
    """A JSON object; empty for anything else."""
    try:
        content = json.loads(payload)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
