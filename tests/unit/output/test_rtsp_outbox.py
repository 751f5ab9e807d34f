"""What waits for a slow player is bounded, in order, and never cut in the middle."""

from __future__ import annotations

import contextlib
import socket
import threading

from hypothesis import given
from hypothesis import strategies as st

from edged.output.rtsp.inbox import MAX_BYTES, MAX_PICTURE, MAX_PICTURES, Inbox, Picture
from edged.output.rtsp.outbox import MAX_ANSWERS, MAX_MEDIA, Outbox


class Wire:
    """A socket that takes ``room`` bytes and is then full."""

    def __init__(self) -> None:
        self.room = 0
        self.data = bytearray()

    def send(self, data: memoryview) -> int:
        if not self.room:
            raise BlockingIOError
        count = min(self.room, len(data))
        self.data += data[:count]
        self.room -= count
        return count


steps = st.lists(
    st.one_of(
        st.tuples(st.just("picture"), st.integers(1, MAX_MEDIA // 2)),
        st.tuples(st.just("answer"), st.integers(1, 3000)),
        st.tuples(st.just("room"), st.integers(0, MAX_MEDIA)),
        st.tuples(st.just("clear"), st.just(0)),
    ),
    max_size=40,
)


@given(steps)
def test_the_wire_carries_whole_messages_in_their_order(moves: list[tuple[str, int]]) -> None:
    outbox, wire = Outbox(), Wire()
    given_pictures = dropped = 0
    for number, (move, size) in enumerate(moves):
        message = bytes((ord("A") if move == "answer" else ord("P"),)) + number.to_bytes(2, "big")
        message += size.to_bytes(4, "big") + b"." * size
        if move == "picture":
            given_pictures += 1
            dropped += outbox.picture(message)
        elif move == "answer":
            outbox.answer(message)
        elif move == "clear":
            dropped += outbox.clear_pictures()
        else:
            wire.room = size
            outbox.flush(wire.send)
    wire.room = 1 << 40
    outbox.flush(wire.send)
    assert not outbox
    came: dict[str, list[int]] = {"A": [], "P": []}
    rest = memoryview(wire.data)
    while rest:
        size = int.from_bytes(rest[3:7], "big")
        came[chr(rest[0])].append(int.from_bytes(rest[1:3], "big"))
        assert len(rest) >= 7 + size, "a message was cut"
        rest = rest[7 + size :]
    assert came["P"] == sorted(came["P"])
    assert came["A"] == sorted(came["A"])
    assert len(came["P"]) + dropped == given_pictures
    assert outbox.sent_bytes == len(wire.data)


def test_a_player_that_reads_nothing_holds_two_mebibytes_at_most() -> None:
    outbox = Outbox()
    size = 100_000
    taken = 0
    while outbox.picture(b"x" * size) == 0:
        taken += 1
    assert taken == MAX_MEDIA // size
    assert outbox.picture(b"x" * (MAX_MEDIA + 1)) == 0, "one large keyframe goes through"


def test_answers_that_nobody_reads_find_an_end() -> None:
    outbox = Outbox()
    assert outbox.answer(b"x" * MAX_ANSWERS)
    assert not outbox.answer(b"x")


def picture(size: int, *, keyframe: bool, name: str = "gate") -> Picture:
    return Picture(name, b"x" * size, 0, keyframe, 0.0, 0)


def test_after_a_drop_an_output_begins_again_with_a_keyframe() -> None:
    inbox = Inbox()
    inbox.give(picture(MAX_PICTURE + 1, keyframe=True))
    inbox.give(picture(1, keyframe=False))
    inbox.give(picture(2, keyframe=False, name="yard"))
    inbox.give(picture(3, keyframe=True))
    inbox.give(picture(4, keyframe=False))
    assert [len(one.access_unit) for one in inbox.take().pictures] == [2, 3, 4]
    assert inbox.dropped == 2
    inbox.release()


def test_the_inbox_is_bounded_in_pictures_and_bytes() -> None:
    inbox = Inbox()
    for _ in range(2 * MAX_PICTURES):
        inbox.give(picture(1, keyframe=True))
    assert len(inbox.take().pictures) == MAX_PICTURES
    for _ in range(MAX_PICTURES):
        inbox.give(picture(MAX_PICTURE, keyframe=True))
    assert sum(len(one.access_unit) for one in inbox.take().pictures) <= MAX_BYTES
    inbox.release()


def test_an_inbox_that_was_released_is_asked_in_vain_by_any_thread() -> None:
    inbox = Inbox()
    inbox.release()
    left, right = socket.socketpair()
    with left, right:  # one of them may have got the descriptor that was given back
        askers = [threading.Thread(target=inbox.set_paths, args=({"gate"},)) for _ in range(4)]
        for asker in askers:
            asker.start()
        for asker in askers:
            asker.join(5.0)
        right.setblocking(False)
        inbox.give(picture(1, keyframe=True))
        inbox.close()
        for one in (left, right):
            one.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                assert one.recv(8) == b""
