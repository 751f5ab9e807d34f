"""How cores are shared."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edged.offline.engine.crew import crew_for


@given(st.integers(1, 256), st.lists(st.integers(0, 5), max_size=8))
def test_no_core_is_idle_and_what_is_under_way_is_bounded(cores: int, splits: list[int]) -> None:
    crew = crew_for(cores, splits)
    assert crew.workers * crew.threads in (0, cores)
    assert bool(crew.workers) == any(splits)
    assert 1 <= crew.later_threads <= cores
    assert crew.workers < crew.ahead <= 2 * cores + 2
