"""Snapshots that main asked for: which run becomes one, and how its JPEG gets back.

The frame is copied where it was run on, so the boxes are those of exactly this frame; it is drawn
and encoded in the studio's thread, and sent by way of the tray.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from edged.algorithm.frame import Frame
from edged.algorithm.jpeg import JpegFailed, encode_jpeg, size_of
from edged.model.detection import Outcome
from edged.model.messages import SnapshotReport, SnapshotRequest
from edged.model.output import Output, OutputKind, pack_output
from edged.types import WallNs
from edged.worker.lane import Lane
from edged.worker.studio import Drawn, Exposure, Studio
from edged.worker.tray import MOST_UNSENT_ANSWER_BYTES, Developed, Tray

MAX_JPEG_BYTES = 16 << 20
"""A larger one is refused: no broker would carry it."""


class Snapshots:
    """Belongs to the worker's main thread."""

    def __init__(self, studio: Studio, tray: Tray) -> None:
        self._studio = studio
        self._tray = tray
        self._open: dict[int, SnapshotRequest] = {}
        self._taken: set[int] = set()
        """Requests that stand in the specification still and need nothing more from here."""

    def apply(self, requests: Iterable[SnapshotRequest]) -> None:
        """All that are waited for: those not among them lapse, those seen before are not taken twice."""
        wanted = {request.id: request for request in requests}
        self._taken &= wanted.keys()
        self._open = {number: wanted[number] for number in wanted.keys() - self._taken}

    def saw(self, lane: Lane, frame: Frame, outcome: Outcome) -> None:
        """A run succeeded on ``frame``: whoever waits for it gets its picture. Copies the pixels once."""
        requests = self._of(lane, captured_ns=frame.header.captured_ns)
        too_many = self._tray.unsent_bytes > MOST_UNSENT_ANSWER_BYTES
        if not requests or too_many or not self._studio.room:
            return
        copy = frame.copy()
        for request in requests:
            print_ = _Print(request, frame.header.captured_wall_ns, self._tray.put)
            if not self._studio.take(Exposure.of(lane, copy, outcome, print_)):
                return  # the next run will do for the others
            self._take(request)

    def failed(self, lane: Lane, code: str, error: str) -> None:
        """A run raised: there are no boxes to be drawn, and the next run may be a minute away."""
        for request in self._of(lane):
            self._take(request)
            self._tray.put(Developed(report=SnapshotReport(request.id, code, error)))

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


@dataclass(frozen=True, slots=True)
class _Print:
    """One JPEG for whoever asked."""

    request: SnapshotRequest
    captured_wall_ns: WallNs
    done: Callable[[Developed], None]

    @property
    def max_width_px(self) -> int | None:
        return self.request.max_width

    def keep(self, picture: Drawn) -> None:
        request = self.request
        try:
            jpeg = encode_jpeg(picture, request.quality)
        except JpegFailed as error:
            self.give_up(str(error))
            return
        if len(jpeg) > MAX_JPEG_BYTES:
            size = f"{len(jpeg) / 1e6:.0f} MB, more than {MAX_JPEG_BYTES / 1e6:.0f}"
            self._refuse("too_large", f"the picture takes {size}: ask for a smaller max_width or quality")
            return
        width, height = size_of(picture)
        report = SnapshotReport(
            request.id, width=width, height=height, captured_wall_ns=self.captured_wall_ns
        )
        output = Output(OutputKind.SNAPSHOT, request.job, request.source, jpeg, seq=request.id)
        self.done(Developed(pack_output(output), report))

    def give_up(self, reason: str) -> None:
        self._refuse("internal", f"the picture cannot be made: {reason}")

    def _refuse(self, code: str, error: str) -> None:
        self.done(Developed(report=SnapshotReport(self.request.id, code, error)))
