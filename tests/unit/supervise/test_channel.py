"""One message a packet, descriptors beside it, and nobody waits for ever."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from edged.errors import ChannelClosed
from edged.model.messages import Stop
from edged.supervise.channel import CONTROL, RAW, Channel
from tests.descriptors import descriptors_left


@pytest.fixture
def ends() -> tuple[Channel, Channel]:
    ours, theirs = Channel.pair()
    return ours, Channel(theirs)


@pytest.mark.parametrize("size", [0, 1, 64 * 1024, 64 * 1024 + 1, 3_000_000])
def test_bytes_of_any_size_arrive_whole(ends: tuple[Channel, Channel], size: int) -> None:
    body = os.urandom(size)
    assert ends[0].send_raw(body)
    packet = ends[1].receive(wait_s=1)
    assert packet is not None
    assert (packet.kind, packet.body, packet.fds) == (RAW, body, ())


def test_descriptors_arrive_in_their_order(ends: tuple[Channel, Channel]) -> None:
    sent = [os.memfd_create(f"edged-test-{place}") for place in range(3)]
    for place, fd in enumerate(sent):
        os.write(fd, bytes([place]))
    assert ends[0].send(Stop(), sent)
    packet = ends[1].receive(wait_s=1)
    assert packet is not None
    assert packet.kind == CONTROL
    assert [os.pread(fd, 1, 0) for fd in packet.fds] == [b"\0", b"\1", b"\2"]
    assert not any(os.get_inheritable(fd) for fd in packet.fds)
    for fd in (*sent, *packet.fds):
        os.close(fd)


def test_a_full_channel_refuses(ends: tuple[Channel, Channel]) -> None:
    sent = 0
    while ends[0].send_raw(b"x" * 10_000):
        sent += 1
        assert sent < 10_000
    assert sent > 4
    for _ in range(sent):
        assert ends[1].receive() is not None
    assert ends[1].receive() is None
    assert ends[0].send_raw(b"room again")


def test_a_spilled_message_that_is_refused_leaks_no_descriptor(ends: tuple[Channel, Channel]) -> None:
    while ends[0].send_raw(b"x" * 60_000):
        pass
    before = sum(1 for _ in Path("/proc/self/fd").iterdir())
    assert not ends[0].send_raw(b"x" * 100_000)
    assert sum(1 for _ in Path("/proc/self/fd").iterdir()) == before


def test_the_end_of_the_other_end_is_an_error_not_silence(ends: tuple[Channel, Channel]) -> None:
    ends[0].send_raw(b"last words")
    ends[0].close()
    packet = ends[1].receive(wait_s=1)
    assert packet is not None
    assert packet.body == b"last words"
    with pytest.raises(ChannelClosed):
        ends[1].receive(wait_s=1)
    with pytest.raises(ChannelClosed):
        ends[1].send(Stop())


def test_sockets_are_not_inherited_unless_handed_down() -> None:
    ours, theirs = Channel.pair()
    assert not os.get_inheritable(ours.fileno())
    assert isinstance(theirs, socket.socket)
    assert not theirs.get_inheritable()


def test_a_large_message_for_which_there_is_no_descriptor_is_refused(ends: tuple[Channel, Channel]) -> None:
    body = os.urandom(100_000)
    with descriptors_left(0):
        assert not ends[0].send_raw(body)
    assert ends[0].send_raw(body)
