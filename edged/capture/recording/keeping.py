"""From the packets of one opening to what is kept of them."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from av import Packet
from av.video.stream import VideoStream

from edged.capture.opening import OpenSource
from edged.capture.recording.kept import Kept, copy_of, shape_of, size_of
from edged.capture.recording.parameters import ParameterSets, is_annex_b, parameter_sets
from edged.capture.recording.stamping import Stamping, by_arrival

_ARRIVAL_BASE = Fraction(1, 90_000)


class Keeping:
    """Of a source that `why_not` has nothing against. In the capture's thread."""

    def __init__(self, source: OpenSource) -> None:
        self._arrival = source.plan.arrival_times
        base = _ARRIVAL_BASE if self._arrival else source.time_base
        self._step = int(Fraction(source.frame_us, 1_000_000) / base)
        self._stamping = Stamping(base, self._step)
        self._shape = shape_of(source.stream, base)
        known = source.stream.codec_context.extradata
        self._annex_b = not known or is_annex_b(known)
        self._sets = parameter_sets(self._shape.codec, known or b"")

    def keep(self, packet: Packet[VideoStream], at_ns: int, *, keyframe: bool) -> Kept:
        """The next packet in the order of decoding."""
        if keyframe:
            self._look_for_parameters(packet)
        pts, dts = packet.pts, packet.dts
        if self._arrival:
            pts = dts = by_arrival(at_ns, self._shape.time_base)
        stamped = self._stamping.stamp(pts, dts, at_ns)
        if stamped.is_break:
            self._shape = replace(self._shape)
        # A demuxer's own packet would keep its decoder with all its pictures, also after a reconnect; or, of
        # V4L2, one of the few buffers of the driver.
        mine = copy_of(bytes(packet))
        duration = self._step if self._arrival else packet.duration or self._step
        return Kept(mine, self._shape, keyframe, at_ns, stamped.pts, stamped.dts, duration)

    def _look_for_parameters(self, packet: Packet[VideoStream]) -> None:
        """Those within the stream count, also where others were announced."""
        found = ParameterSets()
        if self._annex_b:
            found = parameter_sets(self._shape.codec, memoryview(packet))
        elif packet.has_sidedata("new_extradata"):
            data = bytes(packet.get_sidedata("new_extradata"))
            found = ParameterSets(data, (data,))
        if not self._sets.has_all_of(found):
            self._sets = found
            self._shape = replace(self._shape, extradata=found.data, size=None)
        if self._shape.size is None:
            size = size_of(packet, self._shape)
            self._shape = replace(self._shape, size=size)
