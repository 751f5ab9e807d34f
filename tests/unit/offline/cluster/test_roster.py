"""Tasks to workers, some of which die: pure, with a cluster that is a script."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.errors import EdgedError
from edged.offline.cluster.roster import Roster, Task, WorkerDied


class Scripted:
    """Each call is done at once, unless the script says that its worker dies of it."""

    def __init__(self, deaths: set[int]) -> None:
        self.deaths = deaths
        self.calls = 0
        self.started = 0
        self.dead: set[Any] = set()
        self.at: dict[Any, Any] = {}

    def start_worker(self) -> Any:
        self.started += 1
        return self.started

    def stop_worker(self, worker: Any) -> None:
        self.dead.add(worker)

    def call(self, key: int) -> Any:
        def at(worker: Any) -> Any:
            self.calls += 1
            reference = (self.calls, key)
            self.at[reference] = worker
            if self.calls in self.deaths:
                self.dead.add(worker)
            return reference

        return at

    def wait(self, references: list[Any], timeout_s: float) -> list[Any]:
        return references[:1]

    def result(self, reference: Any) -> Any:
        if self.at[reference] in self.dead:
            raise WorkerDied("killed")
        return reference[1]


@given(st.sets(st.integers(1, 40), max_size=12), st.integers(1, 4), st.integers(1, 12))
def test_everything_is_done_once_or_given_up_and_in_the_order_it_is_taken(
    deaths: set[int], workers: int, tasks: int
) -> None:
    cluster = Scripted(deaths)
    with Roster(cluster, workers) as roster:
        for key in range(tasks):
            roster.add(Task(key, cluster.call(key)))
        for key in range(tasks):
            try:
                assert roster.take(key) == key
            except EdgedError as error:
                assert "workers died of it" in str(error)
        assert roster.lost == cluster.started - workers
        assert not any(roster.tasks_by_worker.values())


def test_what_kills_every_worker_is_given_up() -> None:
    cluster = Scripted(set(range(1, 100)))
    with Roster(cluster, 1) as roster:
        roster.add(Task("bad", cluster.call(1)))
        with pytest.raises(EdgedError, match="3 workers died of it"):
            roster.take("bad")
    assert cluster.calls == 3


def test_what_nobody_wants_any_more_is_thrown_away() -> None:
    cluster = Scripted(set())
    with Roster(cluster, 1) as roster:
        for key in range(5):
            roster.add(Task(key, cluster.call(key)))
        assert roster.take(0) == 0
        roster.forget(lambda key: key != 4)
        assert roster.take(4) == 4
        with pytest.raises(EdgedError, match="nothing is under way"):
            roster.take(3)
