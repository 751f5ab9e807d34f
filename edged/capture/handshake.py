"""The handshake of a frame track, from capture's side: ask, take what is offered, write to it."""

from __future__ import annotations

import logging
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from edged.capture.controls import Controls
from edged.model.capturing import TrackOffer, TrackRequest
from edged.model.frame import FrameFormat, FrameHeader
from edged.supervise.channel import Channel
from edged.track.writer import TrackWriter

_SEND_WAIT_S = 0.1

log = logging.getLogger("edged.capture")


class Handshake:
    """The one frame track that is written now; `adopt` changes it when main offers another."""

    def __init__(self, channel: Channel, controls: Controls) -> None:
        self._channel = channel
        self._controls = controls
        self._wanted: FrameFormat | None = None
        self._asked = False
        self._writer: TrackWriter | None = None
        self._generation = 0

    @property
    def ready(self) -> bool:
        """Whether there is a track for the frames that come."""
        return self._writer is not None

    def ask(self, frame_format: FrameFormat) -> None:
        """Ask main for a track of this format, unless that was done already."""
        if frame_format is not self._wanted and frame_format != self._wanted:
            self.close()
            self._wanted = frame_format
            self._asked = False
        if not self._asked:
            # A main that is too busy to read now is asked again with the next frame.
            self._asked = self._channel.send(TrackRequest(frame_format), wait_s=_SEND_WAIT_S)

    def adopt(self, *, keep_keyframes: int = 0) -> bool:
        """Take the newest track that was offered. True: frames go to another track than before.

        The frames of the track before go along, so that no window has to fill again.
        """
        offered = self._controls.take_offer()
        if offered is None:
            return False
        if offered.offer.format != self._wanted or offered.offer.generation < self._generation:
            offered.close()
            return False
        before, offer = self._writer, offered.offer
        self._generation = offer.generation
        self._writer = TrackWriter(offered.memfd, offer.format, offer.slots, offered.wakes)
        try:
            self._writer.open()
            if before is not None:
                self._writer.take_over(before, keep_keyframes=keep_keyframes)
        finally:
            if before is not None:
                before.close()
        log.debug("writing %s", _describe(offer))
        return True

    def write(
        self, header: FrameHeader, copy: Callable[[NDArray[np.uint8]], None], *, keep_keyframes: int = 0
    ) -> bool:
        """As `TrackWriter.write`; False also when there is no track yet."""
        return self._writer is not None and self._writer.write(header, copy, keep_keyframes=keep_keyframes)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def _describe(offer: TrackOffer) -> str:
    return f"track {offer.generation}: {offer.slots} x {offer.format.width}x{offer.format.height}"
