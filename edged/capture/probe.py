"""Opens a source once, looks at it for a few seconds and tells what it is."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace

import av.error
from av import Packet, VideoFrame
from av.video.stream import VideoStream

from edged.capture.opening import OpenSource, open_source
from edged.capture.sources import plan_open
from edged.errors import SourceUnavailable, SourceUnsupported
from edged.model.capturing import CaptureSpec
from edged.model.frame import ColorRange
from edged.model.probe import ProbeReport

_RANGES: dict[int, str] = {ColorRange.LIMITED: "limited", ColorRange.FULL: "full"}
_KEYFRAMES = 3
"""So many give an interval that can be relied on."""
_LOOK_AT_LEAST_S = 1.0
"""Of the source's own time, so that a rate can be told."""


def probe(spec: CaptureSpec, limit_s: float) -> ProbeReport:
    """Open the source of ``spec`` and look at it until its keyframes are known, for ``limit_s`` at most.

    Raises `SourceUnavailable` or `SourceUnsupported`, saying the mend, without credentials. A hang
    that FFmpeg cannot interrupt takes longer than ``limit_s``: call it in a child that can be killed.
    """
    plan = plan_open(spec)
    plan = replace(
        plan,
        open_timeout_s=min(plan.open_timeout_s, limit_s),
        read_timeout_s=min(plan.read_timeout_s, limit_s),
    )
    start_s = time.monotonic()
    source = open_source(plan, spec)
    try:
        look = _Look(source, start_s, open_s=time.monotonic() - start_s)
        look.watch(start_s + limit_s)
        return look.report(spec.redacted_url)
    finally:
        source.close()


@dataclass(slots=True)
class _Look:
    """What was seen of an open source so far. Times are seconds on the source's own clock."""

    source: OpenSource
    start_s: float
    open_s: float
    frame: VideoFrame | None = None
    first_frame_s: float = 0.0
    times_s: list[float] = field(default_factory=list)
    """Of all packets with pictures, as they came: not in order where there are B-frames."""
    keyframes_s: list[float] = field(default_factory=list)

    def watch(self, until_s: float) -> None:
        while time.monotonic() < until_s and not self._enough():
            packet = self._read()
            if packet is None:
                return
            if self.source.is_video(packet):
                self._take(packet)

    def report(self, redacted_url: str) -> ProbeReport:
        if self.frame is None:
            problem = (
                "it opens, but no picture came in time" if self.times_s else "it opens, but sends nothing"
            )
            policy = SourceUnavailable if self.source.plan.live else SourceUnsupported
            raise policy(f"{problem}: check what the source sends")
        frame, context = self.frame, self.source.context
        return ProbeReport(
            url=redacted_url,
            live=self.source.plan.live,
            codec=context.name,
            profile=context.profile or "",
            width=frame.width,
            height=frame.height,
            fps=round(self._rate(), 3),
            pixel_format=frame.format.name,
            color_range=_color_range(frame),
            keyframe_interval_s=_mean_gap(self.keyframes_s),
            open_s=round(self.open_s, 3),
            first_frame_s=round(self.first_frame_s, 3),
        )

    def _enough(self) -> bool:
        if self.frame is None or len(self.keyframes_s) < _KEYFRAMES:
            return False
        return max(self.times_s) - min(self.times_s) >= _LOOK_AT_LEAST_S

    def _read(self) -> Packet[VideoStream] | None:
        try:
            return self.source.read()
        except SourceUnavailable:
            if self.frame is None:
                raise
            return None  # what was seen until then is an answer

    def _take(self, packet: Packet[VideoStream]) -> None:
        if packet.size:
            self._note(packet)
        if self.frame is None:
            self._decode(packet)

    def _note(self, packet: Packet[VideoStream]) -> None:
        stamp = packet.pts if packet.pts is not None else packet.dts
        if self.source.plan.arrival_times:
            now_s = time.monotonic() - self.start_s
        elif stamp is None:
            return
        else:
            now_s = self.source.microseconds(stamp) / 1e6
        self.times_s.append(now_s)
        if self.source.is_keyframe(packet):
            self.keyframes_s.append(now_s)

    def _decode(self, packet: Packet[VideoStream]) -> None:
        try:
            frames = self.source.context.decode(packet if packet.size else None)
        except av.error.FFmpegError:
            return  # broken or before the first keyframe; a later one may do
        if frames:
            self.frame = frames[0]
            self.first_frame_s = time.monotonic() - self.start_s

    def _rate(self) -> float:
        if self.source.fps and not self.source.plan.arrival_times:
            return self.source.fps
        gap_s = _mean_gap(sorted(self.times_s))
        return 1.0 / gap_s if gap_s else 0.0


def _color_range(frame: VideoFrame) -> str:
    full = frame.format.name.startswith("yuvj")
    return "full" if full else _RANGES.get(int(frame.color_range), "")


def _mean_gap(times_s: list[float]) -> float | None:
    if len(times_s) < 2 or times_s[-1] <= times_s[0]:
        return None
    return round((times_s[-1] - times_s[0]) / (len(times_s) - 1), 3)
