from __future__ import annotations

from collections.abc import Iterator

import pytest

from edged.errors import ChannelClosed
from edged.supervise.channel import Channel
from edged.worker.pending import Pending

PACKET_BYTES = 1000


@pytest.fixture
def ends() -> Iterator[tuple[Channel, Channel]]:
    """Main's and the worker's."""
    ours, theirs = Channel.pair()
    yield ours, Channel(theirs)
    ours.close()
    theirs.close()


def packet(number: int) -> bytes:
    return number.to_bytes(4, "little") + bytes(PACKET_BYTES - 4)


def heard(channel: Channel) -> list[int]:
    numbers = []
    while (came := channel.receive()) is not None:
        numbers.append(int.from_bytes(came.body[:4], "little"))
    return numbers


def test_what_finds_no_room_waits_in_order(ends: tuple[Channel, Channel]) -> None:
    main, worker = ends
    pending = Pending(worker)
    assert all(pending.send(packet(number)) for number in range(500))
    assert pending
    came = heard(main)
    while pending:
        pending.flush()
        came += heard(main)
    assert came == list(range(500))


def test_nothing_overtakes_what_waits(ends: tuple[Channel, Channel]) -> None:
    main, worker = ends
    pending = Pending(worker)
    sent = 0
    while not pending:
        assert pending.send(packet(sent))
        sent += 1
    came = heard(main)
    assert pending.send(packet(sent))
    assert came + heard(main) == list(range(sent + 1))
    assert not pending


def test_the_newest_is_refused_when_too_much_waits(ends: tuple[Channel, Channel]) -> None:
    main, worker = ends
    pending = Pending(worker, limit_bytes=3 * PACKET_BYTES)
    taken = 0
    while pending.send(packet(taken)):
        taken += 1
    assert not pending.send(packet(taken))
    came = heard(main)
    pending.flush()
    assert came + heard(main) == list(range(taken))
    assert pending.send(packet(taken))


def test_main_is_gone(ends: tuple[Channel, Channel]) -> None:
    main, worker = ends
    main.close()
    with pytest.raises(ChannelClosed):
        Pending(worker).send(packet(0))


def test_at_the_end_main_is_given_time(ends: tuple[Channel, Channel]) -> None:
    main, worker = ends
    pending = Pending(worker)
    while not pending:
        pending.send(packet(0))
    pending.flush(wait_s=0.05)
    assert pending
    assert heard(main)
    pending.flush(wait_s=0.05)
    assert not pending
