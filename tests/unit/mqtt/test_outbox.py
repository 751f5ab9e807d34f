"""The outbox in memory: bounded, in order, and in flight is owed until it is acknowledged."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edged.mqtt.message import Message
from edged.mqtt.outbox import Entry, MemoryOutbox, Outbox


def message(number: int) -> Message:
    return Message("event", str(number).encode(), qos=1)


def send(outbox: Outbox, count: int) -> list[Entry]:
    sent = []
    for _ in range(count):
        entry = outbox.peek()
        assert entry is not None
        outbox.sent(entry)
        sent.append(entry)
    return sent


def payloads(entries: list[Entry]) -> list[bytes]:
    return [entry.message.payload for entry in entries]


def test_the_oldest_goes_when_it_is_full() -> None:
    outbox = MemoryOutbox(limit=3)
    for number in range(5):
        outbox.append(message(number))
    assert outbox.dropped == 2
    assert payloads(send(outbox, 3)) == [b"2", b"3", b"4"]
    assert outbox.peek() is None


def test_what_was_in_flight_comes_again_first_and_still_fits_the_limit() -> None:
    outbox = MemoryOutbox(limit=3)
    for number in range(3):
        outbox.append(message(number))
    first, second = send(outbox, 2)
    outbox.acked(second)
    outbox.acked(second)
    for number in (3, 4):
        outbox.append(message(number))
    outbox.rewind()
    assert outbox.dropped == 1
    assert payloads(send(outbox, outbox.depth)) == [b"2", b"3", b"4"]
    outbox.acked(first)


@given(st.lists(st.sampled_from(["append", "send", "ack", "rewind"]), max_size=60))
def test_ids_rise_and_nothing_is_lost_while_there_is_room(steps: list[str]) -> None:
    outbox = MemoryOutbox()
    owed: list[bytes] = []
    flying: list[Entry] = []
    for number, step in enumerate(steps):
        if step == "append":
            outbox.append(message(number))
            owed.append(str(number).encode())
        elif step == "send" and outbox.depth:
            flying += send(outbox, 1)
        elif step == "ack" and flying:
            entry = flying.pop(0)
            outbox.acked(entry)
            owed.remove(entry.message.payload)
        elif step == "rewind":
            outbox.rewind()
            flying.clear()
    outbox.rewind()
    rest = send(outbox, outbox.depth)
    assert payloads(rest) == owed
    assert [entry.id for entry in rest] == sorted({entry.id for entry in rest})
    assert outbox.dropped == 0
