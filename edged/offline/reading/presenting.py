"""From the order in which pictures are sent to the order in which they are shown. Pure."""

from __future__ import annotations

import heapq
from typing import Generic, TypeVar

Item = TypeVar("Item")

DEEPEST = 32
"""Pictures that may wait for one that is sent after them and shown before; H.264 and H.265 allow 16."""


class Disorder(Exception):  # a finding, not a failure: what is read then is decoded whole
    """Stamps that do not tell the order; the message says how."""


class Presenting(Generic[Item]):
    """Holds pictures back until nothing that is sent later can be shown before them."""

    def __init__(self) -> None:
        self._held: list[tuple[int, int, Item]] = []
        self._stamps: set[int] = set()
        self._sent = 0
        self._dts: int | None = None
        self._shown: int | None = None

    def send(self, pts: int | None, dts: int | None) -> None:
        """A packet comes, whatever is in it. Raises `Disorder`."""
        if dts is not None:
            if self._dts is not None and dts < self._dts:
                raise Disorder("decoding times go back")
            if pts is not None and pts < dts:
                raise Disorder("a picture is shown before it is decoded")
            self._dts = dts

    def add(self, pts: int | None, item: Item) -> None:
        """The picture of the packet that was sent last. Raises `Disorder`."""
        if pts is None:
            raise Disorder("a picture has no stamp")
        if pts in self._stamps:
            raise Disorder("two pictures have the same stamp")
        if self._shown is not None and pts <= self._shown:
            raise Disorder("stamps go back")
        heapq.heappush(self._held, (pts, self._sent, item))
        self._stamps.add(pts)
        self._sent += 1

    def shown(self) -> list[Item]:
        """Those whose place is certain now, in the order they are shown."""
        items: list[Item] = []
        while self._held and (self._is_next(self._held[0][0]) or len(self._held) > DEEPEST):
            items.append(self._pop())
        return items

    def rest(self) -> list[Item]:
        """No more are sent."""
        return [self._pop() for _ in range(len(self._held))]

    def _is_next(self, pts: int) -> bool:
        return self._dts is not None and pts <= self._dts

    def _pop(self) -> Item:
        pts, _, item = heapq.heappop(self._held)
        self._stamps.discard(pts)
        self._shown = pts
        return item
