"""A video, as the frames that somebody needs, each with what it is due for."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TypeAlias

from av import Packet, VideoFrame
from av.video.stream import VideoStream

from edged.capture.clock import SourceClock
from edged.model.frame import FrameFormat
from edged.model.intake import Intake
from edged.model.sampling import SampleOn, Sampling
from edged.offline.reading.agenda import Agenda, Moment, Span
from edged.offline.reading.coded import inspector
from edged.offline.reading.footage import Video
from edged.offline.reading.foresight import LEAD_IN, Foresight, Sent
from edged.offline.reading.gallery import Gallery, Look
from edged.offline.reading.presenting import Disorder

__all__ = ["Look", "ReadCounts", "Reader", "Span"]

VideoPacket: TypeAlias = "Packet[VideoStream]"
_MOST_EXPECTED = 128
"""Pictures that were sent to the decoder; of those that never come it is soon known."""

_AS_IT_COMES = Intake()

log = logging.getLogger("edged.offline")


@dataclass(slots=True)
class ReadCounts:
    """How far a reader is."""

    packets: int = 0
    """Pictures of the video that were read, decoded or not."""
    decoded: int = 0
    shown: int = 0
    """Looks that were given."""
    missing: int = 0
    """Wanted pictures that could not be decoded."""
    pts_us: int = 0
    """Where the newest picture that was read lies, on the video's own clock."""


class Reader:
    """Reads a video once, in order. The numbers in its headers are those of a realtime source."""

    def __init__(
        self,
        video: Video,
        samplings: Sequence[Sampling],
        *,
        every_frame: bool = False,
        span: Span | None = None,
        foresee: bool = True,
        intake: Intake = _AS_IT_COMES,
    ) -> None:
        """``every_frame``: frames that are due for nothing are given, too.

        ``foresee``: what nobody needs is not decoded; the frames are the same without.
        """
        self._video = video
        self._foresee = foresee
        self.counts = ReadCounts()
        self._clock = SourceClock()
        self._clock.set_cap(intake.fps, among_keyframes=not every_frame and _only_keyframes(samplings))
        self._agenda = Agenda(self._clock, samplings, span or Span(), every_frame=every_frame)
        self._gallery = Gallery(samplings, self._agenda, intake.size, in_place=not every_frame)
        self._plain = False
        """Everything is decoded from here on."""
        self._format: FrameFormat | None = None
        self._expected: dict[int, Moment] = {}

    def looks(self) -> Iterator[Look]:
        """Decodes in the caller's thread and in those of the video's decoder; call once.

        Raises `SourceUnavailable` after the last look of a video that breaks off, `SourceUnsupported` for
        one of which nothing can be decoded.
        """
        self._clock.open(live=False, frame_us=self._video.frame_us)
        for picture in self._pictures():
            look = self._show(picture)
            if look is not None:
                self.counts.shown += 1
                yield look
        self._count_missing(None)
        if not self._agenda.is_over:
            self._video.check_end(self.counts.decoded)

    # ---- packets to pictures ----

    def _pictures(self) -> Iterator[VideoFrame]:
        """In the order they are shown."""
        packets = self._packets()
        foresight = self._foresight()
        if foresight is None:
            yield from self._all(packets, lead_in=LEAD_IN)
            return
        self._expected = foresight.expected
        for sent in packets:
            try:
                for step in foresight.add(sent):
                    yield from self._decode(step.packet.packet, anew=step.anew)
            except Disorder as reason:
                log.debug("from picture %d on all are decoded: %s", self.counts.packets, reason)
                yield from self._give_up(foresight, sent, packets)
                return
            if self._agenda.is_over:
                break
        for step in foresight.finish():
            yield from self._decode(step.packet.packet, anew=step.anew)
        yield from self._drain()

    def _foresight(self) -> Foresight[VideoPacket] | None:
        inspect = inspector(
            self._video.codec, self._video.context.extradata, intra_only=self._video.context.codec.intra_only
        )
        if inspect is None:
            log.debug("all pictures are decoded: what of %s is needed is not known", self._video.codec)
        if inspect is None or not self._foresee:
            return None
        return Foresight(self._agenda, inspect, self._video.microseconds)

    def _packets(self) -> Iterator[Sent[VideoPacket]]:
        for ticket, packet in enumerate(self._video.packets()):
            self.counts.packets += 1
            self.counts.pts_us = self._clock.pts_us
            yield Sent(
                packet,
                ticket,
                memoryview(packet),
                packet.pts,
                packet.dts,
                self._video.is_keyframe(packet),
                discarded=packet.is_discard,
                anew=packet.has_sidedata("new_extradata"),
            )

    def _give_up(
        self, foresight: Foresight[VideoPacket], sent: Sent[VideoPacket], packets: Iterator[Sent[VideoPacket]]
    ) -> Iterator[VideoFrame]:
        for step in foresight.give_up():
            yield from self._decode(step.packet.packet, anew=step.anew)
        self._plain = True
        yield from self._all(chain((sent,), packets), lead_in=foresight.lead_in)

    def _all(self, packets: Iterator[Sent[VideoPacket]], *, lead_in: int) -> Iterator[VideoFrame]:
        """``lead_in``: so many packets wait for a keyframe."""
        self._plain = True
        for sent in packets:
            lead_in = 0 if sent.keyframe else max(lead_in - 1, 0)
            if not lead_in:
                yield from self._decode(sent.packet)
            if self._agenda.is_over:
                return
        yield from self._drain()

    def _decode(self, packet: VideoPacket, *, anew: bool = False) -> Iterator[VideoFrame]:
        if anew:
            yield from self._drain()
        yield from self._counted(self._video.decode(packet))

    def _drain(self) -> Iterator[VideoFrame]:
        yield from self._counted(self._video.drain())

    def _counted(self, pictures: list[VideoFrame]) -> list[VideoFrame]:
        self.counts.decoded += len(pictures)
        return pictures

    # ---- pictures to looks ----

    def _show(self, picture: VideoFrame) -> Look | None:
        moment = None if picture.pts is None else self._expected.pop(picture.pts, None)
        if moment is None:
            if not self._plain:
                return None
            moment = self._note(picture)
        else:
            self._format = self._gallery.format_of(picture)
            self._count_missing(picture.pts)
        if moment.is_left_out:
            return None
        return self._gallery.show(moment, picture) if moment.wanted or self._plain else None

    def _note(self, picture: VideoFrame) -> Moment:
        """A picture that was not foreseen."""
        layout = self._gallery.format_of(picture)
        if self._format not in (None, layout):
            self._agenda.begin_epoch()
        self._format = layout
        stamp_us = None if picture.pts is None else self._video.microseconds(picture.pts)
        keyframe = bool(picture.key_frame)
        moment = self._agenda.note(stamp_us, time.monotonic_ns(), layout, 0, keyframe=keyframe)
        self._agenda.settled()
        return moment

    def _count_missing(self, before: int | None) -> None:
        """Those that should have come before the picture with this stamp; None: at all."""
        if before is not None and len(self._expected) <= _MOST_EXPECTED:
            return
        for pts in [pts for pts in self._expected if before is None or pts < before]:
            self.counts.missing += self._expected.pop(pts).wanted


def _only_keyframes(samplings: Sequence[Sampling]) -> bool:
    return bool(samplings) and all(sampling.on is SampleOn.KEYFRAMES for sampling in samplings)
