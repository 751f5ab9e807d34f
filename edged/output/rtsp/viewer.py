"""One who looks at one output: its session, and how its packets travel."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import Protocol

from edged.output.rtp import SenderCount, Unit, goodbye, sender_report
from edged.output.rtp.packetizer import interleaved
from edged.output.rtsp.connection import Connection
from edged.output.rtsp.transport import OverTcp, OverUdp

SESSION_S = 60.0
"""Without a sign of life for so long, and the session is gone (RFC 2326 section 12.37)."""
ORPHAN_S = 15.0
"""The same for one over UDP whose connection closed: its receiver reports come every 5 s."""
REPORT_S = 5.0
MAX_WAITING_PACKETS = 1500
"""For one player over UDP: 2 MiB. A single picture may have more."""
CNAME = "edged"


class Delivery(Protocol):
    """How packets come to one player."""

    def picture(self, unit: Unit) -> int:
        """How many pictures were dropped; 0: this one is on its way."""

    def report(self, packet: bytes) -> None:
        """An RTCP packet; it may get lost."""

    def header(self, ssrc: int) -> str:
        """The Transport header that answers SETUP."""

    def stop(self) -> None:
        """Forget what waits."""


class TcpDelivery:
    """Interleaved with the answers of a connection."""

    def __init__(self, connection: Connection, transport: OverTcp) -> None:
        self.connection = connection
        self.transport = transport

    def picture(self, unit: Unit) -> int:
        """Queued whole or not at all."""
        return self.connection.outbox.picture(unit.framed(self.transport.rtp_channel))

    def report(self, packet: bytes) -> None:
        """Before the pictures that wait; left out where there is no room: the next one says more."""
        self.connection.outbox.answer(interleaved(self.transport.rtcp_channel, packet))

    def header(self, ssrc: int) -> str:
        """With the channels."""
        return self.transport.header(ssrc)

    def stop(self) -> None:
        """A picture that has begun to be sent is sent to its end."""
        self.connection.outbox.clear_pictures()


class UdpDelivery:
    """From the listener's pair of ports to the player's; only ever to the address that asked."""

    def __init__(self, connection: Connection, transport: OverUdp) -> None:
        self.listener = connection.listener
        self._transport = transport
        self._rtp = connection.peer_at(transport.rtp_port)
        self._rtcp = connection.peer_at(transport.rtcp_port)
        self._waiting: deque[bytes] = deque()

    def picture(self, unit: Unit) -> int:
        """Packets that the socket has no room for wait; a picture for which there is no room is dropped."""
        if len(self._waiting) + len(unit.packets) > max(MAX_WAITING_PACKETS, len(unit.packets)):
            return 1
        self._waiting.extend(unit.packets)
        self.flush()
        return 0

    def flush(self) -> bool:
        """Send what waits, if the socket takes it; whether some still waits."""
        try:
            while self._waiting:
                self.listener.rtp.sendto(self._waiting[0], self._rtp)
                self._waiting.popleft()
        except BlockingIOError:
            return True
        except OSError:
            # No route, or nobody listens there: what is sent later may arrive.
            self._waiting.clear()
        return False

    def report(self, packet: bytes) -> None:
        """Lost where the socket is full."""
        try:
            self.listener.rtcp.sendto(packet, self._rtcp)
        except OSError:
            return

    def header(self, ssrc: int) -> str:
        """With the ports of both."""
        return self._transport.header(ssrc, self.listener.udp_ports)

    def stop(self) -> None:
        """Nothing of it is sent any more."""
        self._waiting.clear()

    def comes_from(self, address: str, port: int) -> bool:
        """Whether a datagram from there is of this player."""
        return address == self._rtp[0] and port in (self._rtp[1], self._rtcp[1])


class ViewerState(Enum):
    """RFC 2326 appendix A.2, with the moment between PLAY and its first keyframe."""

    READY = "ready"
    STARTING = "starting"
    PLAYING = "playing"


class Viewer:
    """A session of one output. A viewer begins with a keyframe, and after a drop again."""

    def __init__(
        self,
        session: str,
        path: str,
        connection: Connection,
        delivery: TcpDelivery | UdpDelivery,
        now_s: float,
    ) -> None:
        self.session = session
        self.path = path
        self.connection: Connection | None = connection
        """None: it closed, and the packets go over UDP."""
        self.peer = connection.peer
        self.delivery = delivery
        self.state = ViewerState.READY
        self.on_start: Callable[[Unit], None] | None = None
        """Called before the first packet is queued: the answer of PLAY names that one."""
        self.dropped = 0
        self._needs_keyframe = True
        self._count = SenderCount()
        self._life_s = now_s
        self._report_due_s = now_s

    @property
    def looks(self) -> bool:
        """Whether pictures should be encoded for it."""
        return self.state is not ViewerState.READY

    @property
    def waits_for_keyframe(self) -> bool:
        """It has asked for pictures and got none yet."""
        return self.state is ViewerState.STARTING

    def begin(self, on_start: Callable[[Unit], None]) -> None:
        """PLAY: with the next keyframe."""
        self.state = ViewerState.STARTING
        self.on_start = on_start
        self._needs_keyframe = True

    def pause(self) -> None:
        """PAUSE, or the end."""
        self.state = ViewerState.READY
        self.on_start = None
        self.delivery.stop()

    def alive(self, now_s: float) -> None:
        """A sign of life came."""
        self._life_s = now_s

    def is_gone(self, now_s: float) -> bool:
        """A player over TCP that reads is alive, whatever it says."""
        if isinstance(self.delivery, TcpDelivery) and self.state is ViewerState.PLAYING:
            return False
        return now_s - self._life_s > (SESSION_S if self.connection else ORPHAN_S)

    def offer(self, unit: Unit, ssrc: int, now_s: float, wall_ns: int) -> bool:
        """The next picture of its output; whether it is on its way."""
        if not self.looks:
            return False
        if self._needs_keyframe and not unit.keyframe:
            self.dropped += self.state is ViewerState.PLAYING
            return False
        if self.state is ViewerState.STARTING:
            self._start(unit)
        if now_s >= self._report_due_s:
            self._report_due_s = now_s + REPORT_S
            self.delivery.report(sender_report(ssrc, unit.timestamp, wall_ns, self._count, CNAME))
        dropped = self.delivery.picture(unit)
        self.dropped += dropped
        self._needs_keyframe = dropped > 0
        if not dropped:
            self._count.packets += len(unit.packets)
            self._count.octets += unit.octets
        return not dropped

    def _start(self, unit: Unit) -> None:
        self.state = ViewerState.PLAYING
        if self.on_start:
            self.on_start(unit)
            self.on_start = None

    def say_goodbye(self, ssrc: int) -> None:
        """The stream ends, or the viewer does."""
        if self.state is ViewerState.PLAYING:
            self.delivery.report(goodbye(ssrc, CNAME))
