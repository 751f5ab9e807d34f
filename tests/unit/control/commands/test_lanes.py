"""Bounds of what runs and of what is answered."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from edged.control.commands.lanes import Budget, Lane


@given(st.lists(st.floats(0, 5), max_size=200), st.floats(0.1, 20), st.integers(1, 20))
def test_a_budget_is_never_overdrawn(gaps_s: list[float], rate_hz: float, burst: int) -> None:
    budget, now_s, spent = Budget(rate_hz, burst), 1000.0, 0
    for gap_s in gaps_s:
        now_s += gap_s
        spent += budget.spend(now_s)
    assert spent <= burst + rate_hz * (now_s - 1000.0) + 1e-6


def test_a_budget_fills_again_and_a_clock_that_goes_back_gives_nothing() -> None:
    budget = Budget(1.0, 2)
    assert [budget.spend(100.0) for _ in range(3)] == [True, True, False]
    assert not budget.spend(50.0)
    assert not budget.spend(100.5)
    assert budget.spend(101.0)


def test_a_lane_runs_some_lets_some_wait_and_has_no_room_for_more() -> None:
    async def scenario() -> None:
        lane, running = Lane(running=1, waiting=1), []
        go = asyncio.Event()

        async def one(name: str) -> None:
            async with lane.place():
                running.append(name)
                await go.wait()
            lane.leave()

        tasks = []
        for name in ("a", "b"):
            assert lane.has_room
            lane.enter()
            tasks.append(asyncio.create_task(one(name)))
        assert not lane.has_room
        await asyncio.sleep(0)
        assert running == ["a"]
        go.set()
        await asyncio.gather(*tasks)
        assert running == ["a", "b"]
        assert lane.present == 0

    asyncio.run(scenario())
