"""What of a video is decoded and what is given, known from its packets alone. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from edged.model.frame import FrameFormat
from edged.offline.reading.agenda import Agenda, Moment
from edged.offline.reading.coded import Coded, Entry, Inspect
from edged.offline.reading.presenting import Disorder, Presenting
from edged.offline.reading.sieve import Sieve, Step

Packet = TypeVar("Packet")

LEAD_IN = 500
"""Packets after which a stream without keyframes is decoded from anywhere, as in realtime."""
_UNKNOWN = FrameFormat(0, 0)


@dataclass(frozen=True, slots=True)
class Sent(Generic[Packet]):
    """A packet, in the order they are sent."""

    packet: Packet
    ticket: int
    """Rises from packet to packet."""
    data: memoryview
    pts: int | None
    dts: int | None
    keyframe: bool
    """As its container says."""
    discarded: bool = False
    """Decoded at most because others need it (an edit list begins after it)."""
    anew: bool = False
    """Its container says that what follows is coded in another way."""


@dataclass(slots=True)
class Planned(Generic[Packet]):
    """A packet and what became of it."""

    packet: Packet
    ticket: int
    pts: int
    keyframe: bool
    """As a decoder will say."""
    moment: Moment | None = None
    """None: nobody is shown it."""


class Foresight(Generic[Packet]):
    """Reads ahead. Raises `Disorder` where it cannot; then `give_up`, and everything is to be decoded."""

    def __init__(self, agenda: Agenda, inspect: Inspect, microseconds: Callable[[int], int]) -> None:
        self.expected: dict[int, Moment] = {}
        """By pts: the pictures that will come out of the decoder; whoever sees one come takes it out."""
        self._agenda = agenda
        self._inspect = inspect
        self._microseconds = microseconds
        self._presenting: Presenting[Planned[Packet]] = Presenting()
        self._sieve: Sieve[Planned[Packet]] = Sieve()
        self._begin: Coded | None = None
        self._begin_pts = 0
        self._begun_groups = 0
        self._passed_over = 0
        self._parameters = b""

    def add(self, sent: Sent[Packet]) -> Iterator[Step[Planned[Packet]]]:
        """What is to be decoded next, now that this came. Raises `Disorder`, before it is taken in."""
        coded = self._look_into(sent)
        if self._begin is None and not self._begins(sent, coded):
            return
        self._check_parameters(coded)
        self._presenting.send(sent.pts, sent.dts)
        pts = sent.pts if sent.pts is not None else self._begin_pts
        is_shown = coded.shown and not sent.discarded
        if self._begun_groups == 1 and coded.entry is Entry.NONE and pts < self._begin_pts:
            if not coded.skipped:
                raise Disorder("it begins with pictures that need others before them")
            return
        planned = Planned(sent.packet, sent.ticket, pts, coded.keyframe)
        if is_shown:
            self._presenting.add(sent.pts, planned)
        self._sieve.add(sent.ticket, planned, coded, pts, len(sent.data))
        if not is_shown:
            self._sieve.decide(sent.ticket, wanted=False)
        self._note(self._presenting.shown())
        self._settle(self._agenda.settled())
        yield from self._expecting(self._sieve.steps())

    def finish(self) -> Iterator[Step[Planned[Packet]]]:
        """No more packets come."""
        self._note(self._presenting.rest())
        self._settle(self._agenda.rest())
        self._sieve.end()
        yield from self._expecting(self._sieve.steps())

    def give_up(self) -> Iterator[Step[Planned[Packet]]]:
        """What is to be decoded before everything is."""
        self._note(self._presenting.rest())
        self._settle(self._agenda.rest())
        yield from self._expecting(self._sieve.release())

    @property
    def lead_in(self) -> int:
        """How many packets more would wait for a keyframe."""
        return LEAD_IN - self._passed_over if self._begin is None else 0

    def _look_into(self, sent: Sent[Packet]) -> Coded:
        try:
            coded = self._inspect(sent.data, keyframe=sent.keyframe)
        except IndexError:  # cut off where it was read
            coded = None
        if coded is None:
            raise Disorder("a packet is not understood")
        if sent.anew and self._begin is not None:
            raise Disorder("the size of its pictures may change")
        return coded

    def _begins(self, sent: Sent[Packet], coded: Coded) -> bool:
        """Whether decoding begins at this packet, the first or one after the lead-in."""
        if not sent.keyframe:
            self._passed_over += 1
            if self._passed_over >= LEAD_IN:
                raise Disorder("no keyframe comes")
            return False
        if coded.entry is Entry.NONE:
            raise Disorder("it begins with a keyframe that is no entry")
        if sent.pts is None:
            raise Disorder("a picture has no stamp")
        self._begin, self._begin_pts = coded, sent.pts
        self._parameters = coded.parameters
        return True

    def _check_parameters(self, coded: Coded) -> None:
        if coded.entry is not Entry.NONE:
            self._begun_groups += 1
        if coded.parameters:
            if self._parameters and coded.parameters != self._parameters:
                raise Disorder("the size of its pictures may change")
            self._parameters = coded.parameters

    def _note(self, shown: Iterable[Planned[Packet]]) -> None:
        for one in shown:
            stamp_us = self._microseconds(one.pts)
            one.moment = self._agenda.note(stamp_us, 0, _UNKNOWN, one.ticket, keyframe=one.keyframe)

    def _settle(self, moments: Iterable[Moment]) -> None:
        for moment in moments:
            self._sieve.decide(moment.ticket, wanted=moment.wanted)

    def _expecting(self, steps: Iterable[Step[Planned[Packet]]]) -> Iterator[Step[Planned[Packet]]]:
        for step in steps:
            if step.packet.moment is not None:
                self.expected[step.packet.pts] = step.packet.moment
            yield step
