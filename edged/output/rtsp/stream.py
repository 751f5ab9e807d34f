"""One output as the server has it: its viewers, its numbering, and whether anybody wants it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from edged.output.rtp import Packetizer, Timeline, Unit
from edged.output.rtp.nal import ParameterSets, split_annex_b
from edged.output.rtsp.inbox import Picture
from edged.output.rtsp.sdp import StreamFacts
from edged.output.rtsp.viewer import Viewer

LINGER_S = 5.0
"""Encoding goes on so long after the last viewer left: players come back at once, over TCP after UDP."""
DESCRIBED_S = 10.0
"""From DESCRIBE or SETUP to PLAY."""
KEYFRAME_EVERY_S = 0.5
"""Keyframes are large: those who come together share one."""
MAX_VIEWERS = 32


@dataclass(frozen=True, slots=True)
class StreamView:
    """How one output is doing."""

    viewers: int
    """That play."""
    sent: int
    """Pictures given to viewers: five that see one make five."""
    dropped: int
    """That viewers were too slow for."""
    sent_bytes: int = 0
    """Of packets, as ``sent`` counts pictures."""


class Stream:
    """All viewers get the same packets.

    Each has its own RTP session with this one sender in it, so one SSRC and one numbering serve all
    (RFC 3550 section 3 asks for SSRCs that differ within a session only). Where a viewer enters
    the numbering is told by the RTP-Info of its PLAY; what was dropped for it are lost packets to it.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.viewers: dict[str, Viewer] = {}
        self.info: StreamFacts | None = None
        self.ssrc = secrets.randbits(32)
        self._packetizer = Packetizer(self.ssrc, secrets.randbits(16))
        self._timeline = Timeline(secrets.randbits(32))
        self._interest_until_s = 0.0
        self._asked_keyframe_s = -KEYFRAME_EVERY_S
        self._sent = 0
        self._sent_bytes = 0
        self._dropped_before = 0

    def view(self) -> StreamView:
        """Counters since the output is served."""
        playing = sum(viewer.looks for viewer in self.viewers.values())
        dropped = self._dropped_before + sum(viewer.dropped for viewer in self.viewers.values())
        return StreamView(playing, self._sent, dropped, self._sent_bytes)

    def wanted(self, now_s: float) -> int:
        """How many play; 1 while somebody is about to, or just left; 0: nothing need be encoded."""
        playing = sum(viewer.looks for viewer in self.viewers.values())
        return playing or int(now_s < self._interest_until_s)

    def want(self, now_s: float, for_s: float = DESCRIBED_S) -> None:
        """Somebody is about to play."""
        self._interest_until_s = max(self._interest_until_s, now_s + for_s)

    def remove(self, viewer: Viewer, now_s: float) -> None:
        """It looks no more."""
        if self.viewers.pop(viewer.session, None) is None:
            return
        self._dropped_before += viewer.dropped
        if viewer.looks:
            self.want(now_s, LINGER_S)
        viewer.say_goodbye(self.ssrc)
        viewer.pause()

    def keyframe_is_due(self, now_s: float) -> bool:
        """Whether the encoder should be asked for one now; asked so, it is."""
        waits = any(viewer.waits_for_keyframe for viewer in self.viewers.values())
        if not waits or now_s - self._asked_keyframe_s < KEYFRAME_EVERY_S:
            return False
        self._asked_keyframe_s = now_s
        return True

    @property
    def waits_for_keyframe(self) -> bool:
        """Whether a viewer does."""
        return any(viewer.waits_for_keyframe for viewer in self.viewers.values())

    def give(self, picture: Picture) -> None:
        """The next picture to all viewers."""
        nals = split_annex_b(picture.access_unit)
        if not nals:
            return
        if picture.keyframe:
            nals = self._with_parameter_sets(nals)
        unit = self._packetizer.pack(nals, self._timeline.at(picture.pts_90k), keyframe=picture.keyframe)
        given_s, wall_ns = picture.given_s, picture.given_wall_ns
        takers = sum(viewer.offer(unit, self.ssrc, given_s, wall_ns) for viewer in self.viewers.values())
        self._sent += takers
        self._sent_bytes += takers * sum(map(len, unit.packets))

    def _with_parameter_sets(self, nals: list[bytes]) -> list[bytes]:
        """A keyframe can be decoded alone; what it brings is what the stream is described with."""
        found = ParameterSets.among(nals)
        if found is None:
            return [self.info.sps, self.info.pps, *nals] if self.info else nals
        if self.info is None or (self.info.sps, self.info.pps) != (found.sps, found.pps):
            self.info = StreamFacts(found.sps, found.pps)
        return nals


def first_packet(unit: Unit) -> str:
    """As RTP-Info has it (RFC 2326 section 12.33)."""
    return f"seq={unit.sequence};rtptime={unit.timestamp}"
