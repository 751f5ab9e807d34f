"""A call that may block for long, in a thread of its own, so that the loop waits no longer than it wants.

Not an executor: its threads are waited for at exit, and a name look-up cannot be interrupted.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class BlockingCall(Generic[T]):
    """One call. Given up, it runs on by itself, and what it returns or raises is forgotten."""

    def __init__(self, function: Callable[[], T], name: str) -> None:
        self._function = function
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._is_over = False
        """The call itself: its thread lives on for a moment, in which whoever waited goes on already."""
        self._outcome: asyncio.Future[T] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def running(self) -> bool:
        return self._thread.is_alive() and not self._is_over

    async def wait(self, deadline_s: float) -> T:
        """Start it and wait. Raises TimeoutError at the deadline, else what the call raises."""
        self._loop = asyncio.get_running_loop()
        self._outcome = self._loop.create_future()
        self._thread.start()
        async with asyncio.timeout(deadline_s):
            return await self._outcome

    def _work(self) -> None:
        try:
            result = self._function()
        except Exception as error:  # noqa: BLE001 - it is raised anew in `wait`, whatever it is
            failed = error
            self._hand_over(lambda outcome: outcome.set_exception(failed))
        else:
            self._hand_over(lambda outcome: outcome.set_result(result))

    def _hand_over(self, settle: Callable[[asyncio.Future[T]], None]) -> None:
        self._is_over = True
        loop, outcome = self._loop, self._outcome
        if loop is None or outcome is None:
            return

        def settle_if_wanted() -> None:
            if not outcome.done():
                settle(outcome)

        try:
            loop.call_soon_threadsafe(settle_if_wanted)
        except RuntimeError:  # the loop is closed: nobody waits any more
            return
