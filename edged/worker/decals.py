"""What chains draw themselves, for live pictures: made while somebody looks, of each lane's newest result.

Results go first. A decal is made in the studio's thread when nobody waits for a picture, and sent like one;
where they come too slowly the next result's takes the place of the one that waits, and nobody misses it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from edged.algorithm.drawing.decal import NEVER_US, Decal, blank_pictures, lift, nothing, pack_decal
from edged.algorithm.drawing.pen import BgrPicture
from edged.model.detection import Outcome
from edged.model.frame import FrameHeader
from edged.model.output import Output, OutputKind, pack_output
from edged.worker.lane import Lane

Key: TypeAlias = tuple[str, str]
"""Job and source."""
_REST = 4
"""After one was made nothing is made for so many times as long as it took: what is drawn live takes a fifth
of a core at most from what runs. Also where a `draw` takes seconds: its decals come too late to be seen."""


@dataclass(frozen=True, slots=True)
class Tracing:
    """What a decal is to be made of."""

    lane: Lane
    header: FrameHeader
    outcome: Outcome
    done: Callable[[Key, bytes], None]
    """Takes the packed `Output`; called in the studio's thread."""

    @property
    def key(self) -> Key:
        return self.lane.spec.name, self.lane.source

    def make(self, draw: Callable[[BgrPicture], None]) -> None:
        """``draw`` raises nothing: what it painted before it failed stays."""
        layout = self.header.format
        on_black, on_white = blank_pictures(layout.width, layout.height)
        draw(on_black)
        draw(on_white)
        decal = lift(on_black, on_white, self.header.pts_us)
        self.done(self.key, _packed(self.key, decal))


class Tracings:
    """Those that wait to be made: of each lane the newest, the one that waits longest first. Takes ``now_s``,
    which only rises; belongs to whoever holds the studio's lock.
    """

    def __init__(self) -> None:
        self._waiting: dict[Key, Tracing] = {}
        self._rests_until_s = 0.0

    def put(self, tracing: Tracing) -> None:
        """Instead of the one of its lane that waits."""
        self._waiting[tracing.key] = tracing

    def take(self, now_s: float) -> Tracing | None:
        """The next one, if it is time for it."""
        if not self._waiting or now_s < self._rests_until_s:
            return None
        return self._waiting.pop(next(iter(self._waiting)))

    def made(self, took_s: float, now_s: float) -> None:
        """One took so much of a core: what waits costs nothing."""
        self._rests_until_s = now_s + _REST * took_s

    def wait_s(self, now_s: float, longest_s: float) -> float:
        """How long `take` has nothing to give."""
        return min(longest_s, max(0.0, self._rests_until_s - now_s)) if self._waiting else longest_s


class Decals:
    """Belongs to the worker's main thread."""

    def __init__(self, take: Callable[[Tracing], None], done: Callable[[Key, bytes], None]) -> None:
        """``take`` has one made, ``done`` takes the packed `Output`."""
        self._take = take
        self._done = done
        self._shown: frozenset[Key] = frozenset()
        self._silent: set[Key] = set()
        """Of those that are shown: it was said that they draw nothing."""

    def saw(self, lane: Lane, header: FrameHeader, outcome: Outcome) -> None:
        """A run succeeded."""
        key = (lane.spec.name, lane.source)
        if not lane.chain.draws:
            if key in self._shown:
                self._say_never(key)  # it was not loaded yet, or another, when somebody began to look
            return
        lane.newest = (header, outcome)
        if key in self._shown:
            self._silent.discard(key)
            self._take(Tracing(lane, header, outcome, self._done))

    def show(self, shown: frozenset[Key], lanes_on: Callable[[str], Iterable[Lane]]) -> None:
        """The jobs, each with a source, that somebody sees now. Those that nobody saw before do not wait for
        their next runs, which may be a minute away; of one that draws nothing itself that is said, once.
        """
        news, self._shown = shown - self._shown, shown
        self._silent &= shown
        for key in sorted(news):
            for lane in lanes_on(key[1]):
                if lane.spec.name == key[0]:
                    self._show(key, lane)

    def _show(self, key: Key, lane: Lane) -> None:
        if not lane.chain.draws:
            self._say_never(key)
        elif lane.newest is not None:
            self._take(Tracing(lane, *lane.newest, self._done))

    def _say_never(self, key: Key) -> None:
        if key not in self._silent:
            self._silent.add(key)
            self._done(key, _packed(key, nothing(NEVER_US), retain=True))


def _packed(key: Key, decal: Decal, *, retain: bool = False) -> bytes:
    """``retain``: it holds for all results that come."""
    return pack_output(Output(OutputKind.DECAL, *key, pack_decal(decal), retain=retain))
