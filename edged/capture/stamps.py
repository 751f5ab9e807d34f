"""When packets and pictures of one stream came and are shown, on the stream's own time base."""

from __future__ import annotations

from collections.abc import Callable

from av import Packet, VideoFrame
from av.video.stream import VideoStream

_REMEMBERED = 64
_DRIFT = 1.01
"""How much faster than ours a camera's clock may be for `Stamps.captured_ns` to keep up."""


class Stamps:
    """Stamps in microseconds; None where the stream gives none. With ``by_arrival`` its own mean nothing."""

    def __init__(self, microseconds: Callable[[int], int], *, by_arrival: bool) -> None:
        self._microseconds = microseconds
        self._by_arrival = by_arrival
        self._lead = 0
        self._arrivals: dict[int, int] = {}
        """By stamp, of packets whose pictures are not out yet."""
        self._captured_ns = 0
        self._shown_us = 0
        self._reorders = False
        """Pictures are shown in another order than that of their packets."""

    def note(self, packet: Packet[VideoStream], now_ns: int, *, keyframe: bool) -> None:
        """Every packet passes here first, in order."""
        if packet.pts is None:
            return
        if keyframe:
            self._begin(packet.pts, packet.dts)
        if len(self._arrivals) >= _REMEMBERED:
            self._arrivals.clear()
        self._arrivals[packet.pts] = now_ns

    def of_packet(self, packet: Packet[VideoStream], now_ns: int) -> int | None:
        """When the picture in its place is shown: packets come in the order of decoding, and so do
        their decoding times, which lead what is shown by as much as at the last keyframe."""
        if self._by_arrival:
            return now_ns // 1000
        if packet.dts is not None:
            return self._microseconds(packet.dts + self._lead)
        return None if packet.pts is None else self._microseconds(packet.pts)

    def of_frame(self, frame: VideoFrame, arrived_ns: int) -> int | None:
        if self._by_arrival:
            return arrived_ns // 1000
        return None if frame.pts is None else self._microseconds(frame.pts)

    def captured_ns(self, frame: VideoFrame, now_ns: int) -> int:
        """When the picture had been taken at the latest, never before the one shown before it.

        That is when its packet came, which may be some packets ago, unless one of a picture that is shown
        later came already: B-frames come after what they lie before, and were taken before it.
        """
        if frame.pts is None:
            return max(now_ns, self._captured_ns)
        shown_us = self._microseconds(frame.pts)
        bounds = [self._arrivals.pop(frame.pts, now_ns)]
        self._arrivals = {stamp: at_ns for stamp, at_ns in self._arrivals.items() if stamp > frame.pts}
        for stamp, at_ns in self._arrivals.items():
            self._reorders = True
            bounds.append(at_ns - (self._microseconds(stamp) - shown_us) * 1000)
        if self._reorders and self._captured_ns and shown_us > self._shown_us:
            # At a keyframe fewer are ahead, so less is known than a picture ago.
            bounds.append(self._captured_ns + round((shown_us - self._shown_us) * 1000 * _DRIFT))
        self._captured_ns, self._shown_us = max(min(bounds), self._captured_ns), shown_us
        return self._captured_ns

    def _begin(self, pts: int, dts: int | None) -> None:
        """At a keyframe. What came before it is shown before it, or is of a clock that went back since."""
        if dts is not None:
            self._lead = pts - dts
        self._arrivals = {stamp: at_ns for stamp, at_ns in self._arrivals.items() if stamp < pts}
