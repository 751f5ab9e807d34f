"""How packets come to a player whose way is narrow."""

from __future__ import annotations

import socket
from types import SimpleNamespace
from typing import Any, cast

from edged.output.rtp import Packetizer, Unit
from edged.output.rtsp.transport import OverUdp
from edged.output.rtsp.viewer import MAX_WAITING_PACKETS, UdpDelivery


class NarrowSocket:
    """A socket on a link that takes ``room`` packets and is then full: loopback never is."""

    family = socket.AF_INET

    def __init__(self, room: int) -> None:
        self.room = room
        self.sent: list[bytes] = []
        self.broken = False

    def sendto(self, packet: bytes, address: object) -> int:
        if self.broken:
            raise ConnectionRefusedError
        if not self.room:
            raise BlockingIOError
        self.room -= 1
        self.sent.append(packet)
        return len(packet)


def delivery(narrow: NarrowSocket) -> UdpDelivery:
    peer = SimpleNamespace(listener=SimpleNamespace(rtp=narrow), peer_at=lambda port: ("192.0.2.1", port))
    return UdpDelivery(cast("Any", peer), OverUdp(5000, 5001))


def picture(packets: int) -> Unit:
    return Packetizer(1, 0).pack([b"\x65" + b"\1" * (1386 * packets - 100)], 0, keyframe=True)


def test_a_large_keyframe_waits_for_the_link() -> None:
    narrow = NarrowSocket(10)
    way, unit = delivery(narrow), picture(2 * MAX_WAITING_PACKETS)
    assert way.picture(unit) == 0
    assert way.flush()
    narrow.room = 10_000
    assert not way.flush()
    assert tuple(narrow.sent) == unit.packets


def test_what_waits_for_the_link_is_bounded() -> None:
    way = delivery(NarrowSocket(0))
    unit = picture(100)
    taken = sum(way.picture(unit) == 0 for _ in range(100))
    assert taken == MAX_WAITING_PACKETS // len(unit.packets)
    way.stop()
    assert not way.flush()


def test_a_player_that_is_not_there_holds_nothing() -> None:
    narrow = NarrowSocket(0)
    way = delivery(narrow)
    way.picture(picture(10))
    narrow.broken = True
    assert not way.flush()
    narrow.broken, narrow.room = False, 100
    assert not way.flush()
    assert narrow.sent == []
