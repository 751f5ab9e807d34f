"""What main last said: the specification, an offered frame track, the order to stop."""

from __future__ import annotations

import logging
import os
import select
import time
from dataclasses import dataclass

from edged.model.capturing import CaptureSpec, TrackOffer
from edged.model.messages import Stop
from edged.supervise.channel import Channel, Packet
from edged.supervise.wire import Decoder

_DECODER = Decoder((CaptureSpec, TrackOffer, Stop))

log = logging.getLogger("edged.capture")


@dataclass(frozen=True, slots=True)
class Offered:
    """A `TrackOffer` with its descriptors; whoever takes it owns them."""

    offer: TrackOffer
    memfd: int
    wakes: tuple[int, ...]

    def close(self) -> None:
        for fd in (self.memfd, *self.wakes):
            os.close(fd)


class Controls:
    """Reads the channel without waiting between packets, and waits on it instead of sleeping."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._spec: CaptureSpec | None = None
        self._offered: Offered | None = None
        self.stopping = False

    @property
    def spec(self) -> CaptureSpec:
        """The newest one; only after `wait_for_spec`."""
        if self._spec is None:
            raise LookupError("no specification yet")
        return self._spec

    def wait_for_spec(self) -> bool:
        """Wait for the first specification; False: there will be none, stop."""
        while self._spec is None and not self.stopping:
            self.wait(60.0)
        return not self.stopping

    def poll(self) -> bool:
        """Take in what has come, without waiting. True: something has."""
        heard = False
        while (packet := self._channel.receive()) is not None:
            self._take(packet)
            heard = True
        return heard

    def wait(self, for_s: float) -> bool:
        """Sleep for so long, or until something comes. True: something has."""
        # select(2), because poll(2) counts in whole milliseconds: too coarse for a frame's due time
        ready, _, _ = select.select([self._channel.fileno()], [], [], max(for_s, 0.0))
        return bool(ready) and self.poll()

    def wait_until(self, monotonic_ns: int) -> bool:
        """As `wait`, until a time on the monotonic clock."""
        left_ns = monotonic_ns - time.monotonic_ns()
        return self.wait(left_ns / 1e9) if left_ns > 0 else self.poll()

    def take_offer(self) -> Offered | None:
        """The newest offered track that was not taken yet."""
        offered, self._offered = self._offered, None
        return offered

    def close(self) -> None:
        """Close the descriptors of an offer that nobody took."""
        if (offered := self.take_offer()) is not None:
            offered.close()

    def _take(self, packet: Packet) -> None:
        message = _DECODER.decode(packet.body)
        if isinstance(message, CaptureSpec):
            self._spec = message
        elif isinstance(message, TrackOffer):
            self.close()
            self._offered = Offered(message, packet.fds[0], packet.fds[1:])
        elif isinstance(message, Stop):
            self.stopping = True
