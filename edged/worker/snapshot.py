"""Snapshots that main asked for: which run becomes one, and how its JPEG gets back.

The frame is copied where it was run on, so the boxes are those of exactly this frame; it is drawn
and encoded in the studio's thread, and sent by the main thread, which alone writes to the channel.
"""

from __future__ import annotations

import contextlib
import os
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edged.algorithm.frame import Frame
from edged.model.detection import Outcome
from edged.model.messages import SnapshotReport, SnapshotRequest
from edged.model.output import Output, OutputKind, pack_output
from edged.supervise.channel import Channel
from edged.types import WallNs
from edged.worker.lane import Lane
from edged.worker.studio import Exposure, Studio

MAX_JPEG_BYTES = 16 << 20
"""A larger one is refused: no broker would carry it."""
_MOST_UNSENT = 2
"""Pictures that main did not take yet; meanwhile no more are taken."""


@dataclass(frozen=True, slots=True)
class Developed:
    """What became of one request."""

    report: SnapshotReport
    packet: bytes = b""
    """A packed `Output`; empty: there is no picture."""


class Snapshots:
    """Belongs to the worker's main thread; only `Developed` values come from the studio's."""

    def __init__(self, studio: Studio, channel: Channel) -> None:
        self.wake = -1
        """An eventfd, from `start` on; readable when `deliver` has something."""
        self._studio = studio
        self._channel = channel
        self._open: dict[int, SnapshotRequest] = {}
        self._taken: set[int] = set()
        """Requests that stand in the specification still and need nothing more from here."""
        self._developed: deque[Developed] = deque()

    def start(self) -> None:
        self.wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def close(self) -> None:
        """After the studio has ended."""
        os.close(self.wake)

    def apply(self, requests: Iterable[SnapshotRequest]) -> None:
        """All that are waited for: those not among them lapse, those seen before are not taken twice."""
        wanted = {request.id: request for request in requests}
        self._taken &= wanted.keys()
        self._open = {number: wanted[number] for number in wanted.keys() - self._taken}

    def saw(self, lane: Lane, frame: Frame, outcome: Outcome) -> None:
        """A run succeeded on ``frame``: whoever waits for it gets its picture. Copies the pixels once."""
        requests = self._of(lane, captured_ns=frame.header.captured_ns)
        if not requests or not self._studio.room or len(self._developed) >= _MOST_UNSENT:
            return
        copy = Frame(frame.header, frame.pixels.copy())
        for request in requests:
            print_ = _Print(request, frame.header.captured_wall_ns, self._done)
            if not self._studio.take(Exposure.of(lane, copy, outcome, print_)):
                return  # the next run will do for the others
            self._take(request)

    def failed(self, lane: Lane, code: str, error: str) -> None:
        """A run raised: there are no boxes to be drawn, and the next run may be a minute away."""
        for request in self._of(lane):
            self._take(request)
            self._developed.append(Developed(SnapshotReport(request.id, code, error)))
        self.deliver()

    def deliver(self) -> None:
        """Send what is ready; what main has no room for stays. Raises `ChannelClosed`."""
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self.wake)
        while self._developed:
            answer = self._developed[0]
            if answer.packet and not self._channel.send_raw(answer.packet):
                return
            if not self._channel.send(answer.report):
                return
            self._developed.popleft()

    def _of(self, lane: Lane, captured_ns: int | None = None) -> list[SnapshotRequest]:
        """Those that wait for a run of this lane, on a frame captured then."""
        if not self._open:
            return []
        return [
            request
            for request in self._open.values()
            if (request.job, request.source) == (lane.spec.name, lane.source)
            and (captured_ns is None or captured_ns >= request.asked_ns)
        ]

    def _take(self, request: SnapshotRequest) -> None:
        del self._open[request.id]
        self._taken.add(request.id)

    # ---- the studio's thread ----

    def _done(self, developed: Developed) -> None:
        self._developed.append(developed)
        os.eventfd_write(self.wake, 1)


@dataclass(frozen=True, slots=True)
class _Print:
    """One JPEG for whoever asked."""

    request: SnapshotRequest
    captured_wall_ns: WallNs
    done: Callable[[Developed], None]

    @property
    def max_width_px(self) -> int | None:
        return self.request.max_width

    def keep(self, picture: NDArray[np.uint8]) -> None:
        request = self.request
        encoded, jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, request.quality])
        if not encoded:
            self.give_up("OpenCV does not encode it")
            return
        if jpeg.nbytes > MAX_JPEG_BYTES:
            size = f"{jpeg.nbytes / 1e6:.0f} MB, more than {MAX_JPEG_BYTES / 1e6:.0f}"
            self._refuse("too_large", f"the picture takes {size}: ask for a smaller max_width or quality")
            return
        height, width = picture.shape[:2]
        report = SnapshotReport(
            request.id, width=width, height=height, captured_wall_ns=self.captured_wall_ns
        )
        output = Output(OutputKind.SNAPSHOT, request.job, request.source, jpeg.tobytes(), seq=request.id)
        self.done(Developed(report, pack_output(output)))

    def give_up(self, reason: str) -> None:
        self._refuse("internal", f"the picture cannot be made: {reason}")

    def _refuse(self, code: str, error: str) -> None:
        self.done(Developed(SnapshotReport(self.request.id, code, error)))
