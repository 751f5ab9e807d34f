"""Pictures that are made, on their way to main: the studio puts them here, the main thread sends them.

Pictures are large and worth less than results. So one goes only while most of main's channel is free; the
others wait here, and whoever takes pictures looks how much waits before taking more. Of decals, which are old
a moment later, one of each lane waits: the newest.
"""

from __future__ import annotations

import contextlib
import os
from collections import deque
from dataclasses import dataclass

from edged.model.messages import SnapshotReport
from edged.supervise.channel import Channel
from edged.worker.tally import Skip, Tally

MOST_UNSENT_BYTES = 4 << 20
"""When more waits, no pictures of results are taken."""
MOST_UNSENT_ANSWER_BYTES = 3 * MOST_UNSENT_BYTES
"""When more waits, no snapshots are taken that somebody asked for."""


@dataclass(frozen=True, slots=True)
class Developed:
    """What became of one picture."""

    packet: bytes = b""
    """A packed `Output`; empty: there is no picture."""
    report: SnapshotReport | None = None
    """For whoever asked for it; sent after the packet."""
    tally: Tally | None = None
    """Of the job that it belongs to, which counts it where it is lost; None: its report says so."""


class Tray:
    """`put` may be called from any thread, all else from the worker's main thread."""

    def __init__(self, channel: Channel) -> None:
        self.wake = -1
        """An eventfd, from `start` on; readable when `deliver` has something new."""
        self.waits_for_room = False
        """Something waits until main's channel is mostly free: call `deliver` when it can be written to."""
        self._channel = channel
        self._waiting: deque[Developed] = deque()
        self._decals: dict[tuple[str, str], bytes] = {}

    def start(self) -> None:
        self.wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def close(self) -> None:
        """When nobody puts anything any more."""
        os.close(self.wake)

    @property
    def unsent_bytes(self) -> int:
        return sum(len(each.packet) for each in tuple(self._waiting))

    def put(self, developed: Developed) -> None:
        self._waiting.append(developed)
        os.eventfd_write(self.wake, 1)

    def put_decal(self, key: tuple[str, str], packet: bytes) -> None:
        """A packed `Output` of a job and source, instead of the one that waits."""
        self._decals[key] = packet
        os.eventfd_write(self.wake, 1)

    def deliver(self) -> None:
        """Send what there is room for; the rest stays. Raises `ChannelClosed`."""
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self.wake)
        self.waits_for_room = False
        while self._decals or self._waiting:
            if not self._channel.is_roomy:
                self.waits_for_room = True
                return
            if not (self._send_decal() if self._decals else self._send_first()):
                return  # for want of memory or descriptors: the next tick tries again

    def _send_decal(self) -> bool:
        key, packet = self._decals.popitem()
        is_sent = self._channel.send_raw(packet)
        if not is_sent:
            self._decals.setdefault(key, packet)  # unless a newer one came
        return is_sent

    def _send_first(self) -> bool:
        is_sent = self._send(self._waiting[0])
        if is_sent:
            self._waiting.popleft()
        return is_sent

    def _send(self, developed: Developed) -> bool:
        if developed.packet:
            if not self._channel.send_raw(developed.packet):
                return False
        elif developed.tally is not None:
            developed.tally.skip(Skip.UNPICTURED)
        return developed.report is None or self._channel.send(developed.report)
