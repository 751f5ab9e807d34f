"""From one thread to another, in order and bounded; either end may end it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")

_LOOK_AGAIN_S = 60.0


class BeltCut(Exception):
    """Whoever takes from the belt has gone."""


class BeltEnd(Exception):
    """Nothing comes any more."""


class Belt(Generic[T]):
    """One thread puts, one takes. Who puts waits while it is full."""

    def __init__(self, length: int) -> None:
        self._length = length
        self._items: deque[T] = deque()
        self._change = threading.Condition()
        self._finished = False
        self._error: BaseException | None = None
        self._cut: BaseException | None = None

    def put(self, item: T) -> None:
        """Raises what it was cut with."""
        with self._change:
            while len(self._items) >= self._length and self._cut is None:
                self._change.wait(_LOOK_AGAIN_S)
            if self._cut is not None:
                raise self._cut
            self._items.append(item)
            self._change.notify_all()

    def finish(self, error: BaseException | None = None) -> None:
        """Nothing comes after what is on it; ``error`` is raised there, then."""
        with self._change:
            self._finished, self._error = True, error
            self._change.notify_all()

    def cut(self, error: BaseException | None = None) -> None:
        """Nobody takes any more: what is on it is dropped, and who puts hears of it."""
        with self._change:
            self._cut = self._cut or error or BeltCut()
            self._items.clear()
            self._change.notify_all()

    def take(self, wait_s: float = _LOOK_AGAIN_S) -> T:
        """The next. Raises `BeltEnd` after the last, or the error it ended with; TimeoutError, `BeltCut`."""
        with self._change:
            if not (self._items or self._finished or self._cut):
                self._change.wait(wait_s)
            if self._cut is not None:
                raise BeltCut
            if self._items:
                item = self._items.popleft()
                self._change.notify_all()
                return item
            if not self._finished:
                raise TimeoutError
            if self._error is not None:
                raise self._error
            raise BeltEnd

    def __iter__(self) -> Iterator[T]:
        """All of them. Raises the error it ended with, and `BeltCut`."""
        while True:
            try:
                yield self.take()
            except BeltEnd:
                return
            except TimeoutError:
                continue
