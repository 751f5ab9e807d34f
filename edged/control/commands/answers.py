"""From what became of a command to the bytes that go out, and where they go."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from typing import Protocol

from edged.control.commands.arguments import rejected
from edged.control.commands.entry import Place
from edged.control.commands.request import Answer, CommandFailed
from edged.control.publisher import Publisher
from edged.errors import EdgedError, SpecRejected
from edged.model.redact import redact_text
from edged.mqtt.codec import answer_payload
from edged.mqtt.message import Received, Worth
from edged.mqtt.topics import Topics

MOST_BYTES = 512 * 1024
"""Of one answer: the largest spec there can be, and room for what is said of it."""
_MESSAGE_CHARACTERS = 1000

log = logging.getLogger("edged.commands")


class AnswerSink(Protocol):
    """To where an MQTT 5 request wants its answer."""

    def answer(self, topic: str, payload: bytes, correlation: bytes) -> None:
        """Through the outbox, QoS 1, with the request's correlation data."""


class Answers:
    """Encodes and sends; decides nothing about commands."""

    def __init__(
        self, topics: Topics, publisher: Publisher, sink: AnswerSink, revision: Callable[[], int]
    ) -> None:
        self._topics = topics
        self._publisher = publisher
        self._sink = sink
        self._revision = revision

    def place_of(self, received: Received) -> Place | None:
        """Where this request wants its answer too; None: it does not say, or may not have it there."""
        topic = received.response_topic
        is_safe = bool(topic) and self._topics.is_safe_response_topic(topic)
        return Place(topic, received.correlation) if is_safe else None

    def can_answer(self, op: str) -> bool:
        """Whether ``op`` is shaped like one, and so has a topic for its answers."""
        try:
            return bool(self._topics.answer(op))
        except ValueError:
            return False

    def encode(self, command_id: str, op: str, answer: Answer) -> bytes:
        """Raises TypeError for data that JSON does not know. One that is too large becomes an error."""
        payload = self._encode(command_id, op, answer)
        if len(payload) <= MOST_BYTES:
            return payload
        message = f"the answer has {len(payload)} bytes, more than {MOST_BYTES}"
        return self._encode(command_id, op, Answer("too_large", message))

    def send(self, op: str, payload: bytes, places: Collection[Place]) -> None:
        """On ``…/res/<op>``, and wherever else somebody waits for it; not twice to who waits there."""
        topic = self._topics.answer(op)
        if all(place.response_topic != topic for place in places):
            self._publisher.publish(topic, payload, 1, Worth.ANSWER)
        for place in places:
            self._sink.answer(place.response_topic, payload, place.correlation)

    def _encode(self, command_id: str, op: str, answer: Answer) -> bytes:
        return answer_payload(command_id, op, answer.code, answer.message, answer.data, self._revision())


def answer_for(op: str, error: BaseException) -> Answer:
    """What to say of a command that raised this."""
    if isinstance(error, EdgedError):
        return failure(error)
    log.error("a bug in the command %s", op, exc_info=error)
    return Answer("internal", f"a bug in {op}: the log of the device says more")


def failure(error: EdgedError) -> Answer:
    """An error as an answer: one line or a few, without passwords."""
    if isinstance(error, SpecRejected):
        error = rejected(error.problems)
    message = redact_text(str(error))
    if len(message) > _MESSAGE_CHARACTERS:
        message = f"{message[: _MESSAGE_CHARACTERS - 1]}…"
    return Answer(error.code, message, error.data if isinstance(error, CommandFailed) else {})
