"""Which packets must be decoded so that the wanted pictures are right, and no others. Pure.

Left out are pictures that nobody wants and no other needs, the end of a group of pictures after the
last that is wanted, and whole groups. What is left out here changes no bit of what is decoded.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from edged.offline.reading.coded import Coded, Entry

Packet = TypeVar("Packet")

_MOST_HELD = 1024
"""Packets at the end of a group that may turn out to be superfluous: what comes before them is decoded."""
_MOST_HELD_BYTES = 64_000_000


@dataclass(slots=True)
class _Group:
    """Pictures from one entry up to the next."""

    entry: Entry
    pts: int
    undecided: int = 0
    last_wanted: int = -1
    """The ticket up to which it is needed."""
    is_whole: bool = False
    """All of it is needed, by what comes after it."""
    leading_wanted: bool = False
    entry_decided: bool = False
    complete: bool = False
    """The next has begun, or there is none."""
    cut: bool = False
    """What it could need from before was left out."""


@dataclass(slots=True)
class _Held(Generic[Packet]):
    ticket: int
    packet: Packet
    coded: Coded
    pts: int
    size: int
    group: _Group
    wanted: bool | None = None


@dataclass(frozen=True, slots=True)
class Step(Generic[Packet]):
    """The next packet to decode."""

    packet: Packet
    anew: bool = False
    """Begin with it as at the beginning: take out what the decoder holds, and flush it."""


class Sieve(Generic[Packet]):
    """Packets go in as they are sent, decisions in any order; `steps` come out once they are certain."""

    def __init__(self) -> None:
        self._held: deque[_Held[Packet]] = deque()
        self._by_ticket: dict[int, _Held[Packet]] = {}
        self._groups: deque[_Group] = deque()
        self._bytes = 0
        self._ended = False

    def add(self, ticket: int, packet: Packet, coded: Coded, pts: int, size: int) -> None:
        """The next packet; tickets rise. Every one is decided on later with `decide`."""
        if coded.entry is not Entry.NONE or not self._groups:
            if self._groups:
                self._groups[-1].complete = True
            self._groups.append(_Group(coded.entry, pts))
        group = self._groups[-1]
        group.undecided += 1
        held = _Held(ticket, packet, coded, pts, size, group)
        self._held.append(held)
        self._by_ticket[ticket] = held
        self._bytes += size

    def decide(self, ticket: int, *, wanted: bool) -> None:
        held = self._by_ticket.pop(ticket)
        group = held.group
        held.wanted = wanted
        group.undecided -= 1
        group.entry_decided = group.entry_decided or held.coded.entry is not Entry.NONE
        if wanted:
            group.last_wanted = max(group.last_wanted, ticket)
            group.leading_wanted = group.leading_wanted or held.pts < group.pts

    def end(self) -> None:
        """No more packets come; all are decided on."""
        self._ended = True
        if self._groups:
            self._groups[-1].complete = True

    def steps(self) -> Iterator[Step[Packet]]:
        """Those that are certain now."""
        while self._held:
            held = self._held[0]
            group = held.group
            if held.wanted is None:
                return
            if held.ticket <= group.last_wanted or group.is_whole:
                yield from self._pass(self._pop())
            elif group.complete and not group.undecided:
                verdict = self._is_needed_after(group)
                if verdict is None and not self._is_full:
                    return
                group.is_whole = verdict is not False
                if verdict is False:
                    self._leave_out(group)
            elif self._is_full:
                group.last_wanted = held.ticket
            else:
                return

    def release(self) -> Iterator[Step[Packet]]:
        """All that is left, as nothing is known of what comes."""
        while self._held:
            held = self._pop()
            held.wanted = True
            yield from self._pass(held)
        self._by_ticket.clear()

    @property
    def _is_full(self) -> bool:
        return len(self._held) > _MOST_HELD or self._bytes > _MOST_HELD_BYTES

    def _pass(self, held: _Held[Packet]) -> Iterator[Step[Packet]]:
        group = held.group
        # What is shown before the first picture of a group lacks what was left out.
        lacking = group.cut and held.pts < group.pts
        if not lacking and (held.wanted or held.coded.reference):
            yield Step(held.packet, anew=group.cut and held.coded.entry is Entry.OPEN)

    def _is_needed_after(self, group: _Group) -> bool | None:
        """Whether the group after it needs the rest of this one; None: not known yet."""
        if len(self._groups) < 2:
            return False if self._ended else None
        after = self._groups[1]
        if after.entry is Entry.CLOSED:
            return False
        if after.leading_wanted:
            return True
        # Those that are shown before its first picture are decided on before that.
        return False if after.entry_decided else None

    def _leave_out(self, group: _Group) -> None:
        if len(self._groups) > 1:
            self._groups[1].cut = True
        while self._held and self._held[0].group is group:
            self._pop()

    def _pop(self) -> _Held[Packet]:
        held = self._held.popleft()
        self._bytes -= held.size
        group = self._held[0].group if self._held else self._groups[-1]
        while self._groups[0] is not group:
            self._groups.popleft()
        return held
