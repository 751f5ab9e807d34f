"""Pictures beside results: of each result that was published its whole frame, or what its boxes show.

What is needed of the frame is copied where it was run on; it is drawn and encoded in the studio's thread.
Results never wait for their pictures: where there is no room for one it is left out and counted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from edged.algorithm.frame import Box, Frame
from edged.algorithm.jpeg import JpegFailed, encode_jpeg, with_comment
from edged.model.detection import Detection, Outcome
from edged.model.frame import FrameHeader
from edged.model.messages import ImageOrder
from edged.model.output import Output, OutputKind, pack_output
from edged.worker.encoding import Origin, encode_caption
from edged.worker.lane import Lane
from edged.worker.snapshot import MAX_JPEG_BYTES
from edged.worker.studio import Drawn, Exposure, Studio
from edged.worker.tally import Skip, Tally
from edged.worker.tray import MOST_UNSENT_BYTES, Developed, Tray

MOST_CROPS = 16
"""Of one result: those with the best scores."""
SURROUNDINGS = 0.1
"""So much of a box's width and height is shown on each side of it."""


class Images:
    """Belongs to the worker's main thread."""

    def __init__(self, studio: Studio, tray: Tray) -> None:
        self._studio = studio
        self._tray = tray

    def saw(self, lane: Lane, frame: Frame, outcome: Outcome, origin: Origin, seq: int) -> None:
        """The result ``seq`` about ``frame`` was published: make its pictures, if its job wants some."""
        order = lane.spec.image
        if order is None:
            return
        caption = _Caption(origin, seq, frame.header)
        if order.of == "crops":
            self._take_crops(lane, frame, outcome, order, caption)
        elif self._has_room:
            purpose = _Print(OutputKind.IMAGE, order, caption, lane.tally, self._tray)
            self._take(Exposure.of(lane, frame.copy(), outcome, purpose))
        else:
            lane.tally.skip(Skip.UNPICTURED)

    def _take_crops(
        self, lane: Lane, frame: Frame, outcome: Outcome, order: ImageOrder, caption: _Caption
    ) -> None:
        wanted = best_of(outcome)
        for number, detection in enumerate(wanted):
            if not self._has_room:
                lane.tally.skip(Skip.UNPICTURED, len(wanted) - number)
                return
            part, shown = frame.cut(with_surroundings(detection.box))
            about = _Caption(caption.origin, caption.seq, caption.header, detection)
            purpose = _Print(OutputKind.CROP, order, about, lane.tally, self._tray)
            self._take(Exposure(lane, part, Outcome(), purpose, lane.chain.scene, part=shown))

    @property
    def _has_room(self) -> bool:
        return self._studio.has_room and self._tray.unsent_bytes <= MOST_UNSENT_BYTES

    def _take(self, exposure: Exposure) -> None:
        if not self._studio.take_later(exposure):
            exposure.lane.tally.skip(Skip.UNPICTURED)


def best_of(outcome: Outcome) -> list[Detection]:
    """Those whose boxes can be shown, best score first, `MOST_CROPS` at most."""
    shown = [one for one in outcome.detections or () if all(math.isfinite(edge) for edge in one.box)]
    return sorted(shown, key=lambda one: one.score, reverse=True)[:MOST_CROPS]


def with_surroundings(box: Box) -> Box:
    """Wider by `SURROUNDINGS` on each side, cut off at the frame's edges."""
    x_min, y_min, x_max, y_max = (float(edge) for edge in box)
    across, down = abs(x_max - x_min) * SURROUNDINGS, abs(y_max - y_min) * SURROUNDINGS
    wider = (x_min - across, y_min - down, x_max + across, y_max + down)
    left, top, right, bottom = (min(max(edge, 0.0), 1.0) for edge in wider)
    return left, top, right, bottom


@dataclass(frozen=True, slots=True)
class _Caption:
    """What a picture says that it is about."""

    origin: Origin
    seq: int
    header: FrameHeader
    detection: Detection | None = None

    def text(self) -> bytes:
        return encode_caption(self.origin, self.seq, self.header, self.detection)


@dataclass(frozen=True, slots=True)
class _Print:
    """One JPEG, said to be about a result."""

    kind: OutputKind
    order: ImageOrder
    caption: _Caption
    tally: Tally = field(repr=False)
    tray: Tray = field(repr=False)

    @property
    def max_width_px(self) -> int | None:
        return self.order.max_width

    def keep(self, picture: Drawn) -> None:
        try:
            jpeg = encode_jpeg(picture, self.order.quality)
            jpeg = with_comment(jpeg, self.caption.text())
        except (JpegFailed, ValueError) as error:
            self.give_up(str(error))
            return
        if len(jpeg) > MAX_JPEG_BYTES:
            self.give_up("it is too large")
            return
        origin, seq = self.caption.origin, self.caption.seq
        output = Output(self.kind, origin.job, origin.source, jpeg, seq=seq)
        self.tray.put(Developed(pack_output(output), tally=self.tally))

    def give_up(self, reason: str) -> None:
        self.tray.put(Developed(tally=self.tally))
