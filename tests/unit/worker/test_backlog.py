"""The line of runs that wait: newest wins, nobody starves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.worker.backlog import Backlog


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers()) | st.none()))
def test_the_newest_of_whose_last_turn_was_longest_ago(steps: list[tuple[str, int] | None]) -> None:
    backlog: Backlog[tuple[str, int]] = Backlog()
    line: list[tuple[str, int]] = []
    turns: list[str] = []
    for step in steps:
        if step is None:
            first = min(line, key=lambda one: _latest(turns, one[0]), default=None)
            assert backlog.take() == first
            if first is not None:
                line.remove(first)
                turns.append(first[0])
            continue
        waiting = [place for place, (source, _) in enumerate(line) if source == step[0]]
        replaced = backlog.put("job", step[0], step)
        assert replaced == (line[waiting[0]] if waiting else None)
        if waiting:
            line[waiting[0]] = step
        else:
            line.append(step)
        assert len(backlog) == len(line)
        assert backlog.any(lambda run, newest=step: run == newest)


def _latest(turns: list[str], source: str) -> int:
    return max((number for number, turn in enumerate(turns) if turn == source), default=-1)


@pytest.mark.parametrize("run_us", [11_000, 13_000, 14_000, 14_286, 20_000, 25_000, 40_000])
@pytest.mark.parametrize("cameras", [2, 16, 17])
@pytest.mark.parametrize("at_once", [False, True])
def test_an_overload_is_shared_fairly(run_us: int, cameras: int, at_once: bool) -> None:
    """Cameras due every 200 ms, in even phases or all at once, against one thread that cannot keep up."""
    interval_us, end_us = 200_000, 120_000_000
    due = sorted(
        (start + (0 if at_once else camera * interval_us // cameras), camera)
        for camera in range(cameras)
        for start in range(0, end_us, interval_us)
    )
    backlog: Backlog[tuple[int, int]] = Backlog()
    runs = [0] * cameras
    worst_us = now_us = place = 0
    while place < len(due):
        while place < len(due) and due[place][0] <= now_us:
            backlog.put("job", str(due[place][1]), due[place])
            place += 1
        run = backlog.take()
        if run is None:
            now_us = due[place][0]
            continue
        now_us += run_us
        runs[run[1]] += 1
        worst_us = max(worst_us, now_us - run[0])
    assert min(runs) >= 0.95 * sum(runs) / cameras
    assert worst_us <= interval_us + run_us, "a frame that waits is never older than the next one"
