from __future__ import annotations

import asyncio
import contextlib
import threading

from edged.mqtt.blocking import BlockingCall


def test_a_call_that_returned_is_not_running_though_its_thread_has_not_ended() -> None:
    async def live() -> None:
        call = BlockingCall(threading.current_thread, "call")
        thread = await call.wait(5.0)
        thread.is_alive = lambda: True  # type: ignore[method-assign] # the scheduler did not come back to it
        assert not call.running

    asyncio.run(live())


def test_a_call_that_was_given_up_runs_on() -> None:
    async def live() -> None:
        release = threading.Event()
        call = BlockingCall(lambda: release.wait(5.0), "call")
        with contextlib.suppress(TimeoutError):
            await call.wait(0.01)
        assert call.running
        release.set()
        async with asyncio.timeout(5.0):
            while call.running:
                await asyncio.sleep(0.005)

    asyncio.run(live())
