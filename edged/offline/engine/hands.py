"""The threads that run the beginnings of jobs, each with instances of its own."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from typing import TypeAlias

from edged.algorithm.frame import Frame
from edged.offline.engine.beginning import Beginning
from edged.offline.engine.partial import Partial
from edged.offline.engine.stall import InHand

_Task: TypeAlias = "tuple[Future[Partial], int, tuple[Frame, ...], bool]"


class Hands:
    """`start`, any number of `take`, `end`. An algorithm that never returns holds up no end: its thread is
    left behind, and ends with the process.
    """

    def __init__(self, beginnings: Sequence[Beginning], in_hand: InHand) -> None:
        """One thread for each of ``beginnings``."""
        self._in_hand = in_hand
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self.threads = tuple(
            threading.Thread(target=self._work, args=(beginning,), name="edged-look", daemon=True)
            for beginning in beginnings
        )

    def start(self) -> None:
        for thread in self.threads:
            thread.start()

    def take(self, place: int, window: tuple[Frame, ...], *, keep_window: bool) -> Future[Partial]:
        """As `Beginning.run`, soon. How many wait is bounded by who waits for what was taken."""
        future: Future[Partial] = Future()
        self._tasks.put((future, place, window, keep_window))
        return future

    def end(self) -> None:
        """What is not begun is cancelled; does not wait for what is."""
        with contextlib.suppress(queue.Empty):
            while (task := self._tasks.get_nowait()) is not None:
                task[0].cancel()
        for _ in self.threads:
            self._tasks.put(None)

    def _work(self, beginning: Beginning) -> None:
        while (task := self._tasks.get()) is not None:
            self._do(beginning, *task)
            del task  # its frames are not kept until the next comes

    def _do(
        self,
        beginning: Beginning,
        future: Future[Partial],
        place: int,
        window: tuple[Frame, ...],
        keep_window: bool,  # noqa: FBT001 - part of a task
    ) -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            with self._in_hand.run(place, window[-1].header.pts_us):
                partial = beginning.run(place, window, keep_window=keep_window)
        except BaseException as error:  # noqa: BLE001 - whoever waits for it raises it
            future.set_exception(error)
        else:
            future.set_result(partial)
