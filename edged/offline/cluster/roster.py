"""Who does what: tasks to workers, in their order, again where a worker died. Knows no videos."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from edged.errors import EdgedError

log = logging.getLogger("edged.offline")

_AT_ONCE = 2
"""Tasks of a worker: one that it does, and one so that it need not wait for the next."""
_MOST_TRIES = 3
"""A task that so many workers died of is given up: it may be what kills them."""
_LOOK_AGAIN_S = 0.5


class Cluster(Protocol):
    """What starts workers and carries tasks to them."""

    def start_worker(self) -> Any:
        """An actor."""

    def stop_worker(self, worker: Any) -> None:
        """Harmless for one that is dead."""

    def wait(self, references: list[Any], timeout_s: float) -> list[Any]:
        """Those that are done."""

    def result(self, reference: Any) -> Any:
        """Raises `WorkerDied`, or what the task raised."""


class WorkerDied(Exception):
    """The worker that had the task is gone."""


@dataclass(slots=True, eq=False)
class Task:
    """A call of a worker's method."""

    key: Hashable
    call: Callable[[Any], Any]
    """Given the worker, it returns a reference."""
    tries: int = 0


@dataclass(slots=True, eq=False)
class _Worker:
    actor: Any
    tasks: dict[Any, Task] = field(default_factory=dict)
    """By reference."""


class Roster:
    """``with Roster(cluster, workers) as roster:``; `add` tasks, `take` each by its key."""

    def __init__(self, cluster: Cluster, workers: int, refill: Callable[[], None] = lambda: None) -> None:
        """``refill`` is called when there is room for more than was added."""
        self._cluster = cluster
        self._number = workers
        self._refill = refill
        self._workers: list[_Worker] = []
        self._queue: deque[Task] = deque()
        self._done: dict[Hashable, Any] = {}
        self._given_up: set[Hashable] = set()
        self.lost = 0
        """Workers that died."""

    def __enter__(self) -> Roster:
        self._workers = [_Worker(self._cluster.start_worker()) for _ in range(self._number)]
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            self._cluster.stop_worker(worker.actor)
        self._workers.clear()

    @property
    def room(self) -> int:
        """How many more tasks would find a worker, with what nobody took yet counted in."""
        under_way = sum(len(worker.tasks) for worker in self._workers)
        return 2 * _AT_ONCE * self._number - len(self._done) - under_way - len(self._queue)

    def add(self, task: Task) -> None:
        self._queue.append(task)

    def forget(self, is_unwanted: Callable[[Hashable], bool]) -> None:
        """What is under way is done and thrown away."""
        self._queue = deque(task for task in self._queue if not is_unwanted(task.key))
        self._done = {key: value for key, value in self._done.items() if not is_unwanted(key)}
        for worker in self._workers:
            self._given_up.update(task.key for task in worker.tasks.values() if is_unwanted(task.key))

    def take(self, key: Hashable, on_wait: Callable[[], None] = lambda: None) -> Any:
        """The result of a task that was added; waits for it. Raises what it raised, and `EdgedError`."""
        while key not in self._done:
            self._fill()
            self._collect()
            on_wait()
        value = self._done.pop(key)
        self._fill()
        if isinstance(value, BaseException):
            raise value
        return value

    @property
    def tasks_by_worker(self) -> Mapping[int, int]:
        """For tests: how many each has."""
        return {place: len(worker.tasks) for place, worker in enumerate(self._workers)}

    def _fill(self) -> None:
        if self.room > 0:
            self._refill()
        while self._queue:
            worker = min(self._workers, key=lambda one: len(one.tasks))
            if len(worker.tasks) >= _AT_ONCE:
                return
            task = self._queue.popleft()
            task.tries += 1
            worker.tasks[task.call(worker.actor)] = task

    def _collect(self) -> None:
        references = [reference for worker in self._workers for reference in worker.tasks]
        if not references:
            raise EdgedError("nothing is under way of what is waited for")
        for reference in self._cluster.wait(references, _LOOK_AGAIN_S):
            worker = next((one for one in self._workers if reference in one.tasks), None)
            if worker is not None:  # else it died with another task in the same round
                self._settle(worker, reference)

    def _settle(self, worker: _Worker, reference: Any) -> None:
        try:
            value = self._cluster.result(reference)
        except WorkerDied as error:
            self._replace(worker, str(error))
            return
        except Exception as error:  # noqa: BLE001 - whoever takes it raises it
            value = error
        task = worker.tasks.pop(reference)
        if task.key in self._given_up:
            self._given_up.discard(task.key)
        else:
            self._done[task.key] = value

    def _replace(self, worker: _Worker, why: str) -> None:
        """Its tasks go to others, those that are older first."""
        self.lost += 1
        log.warning("a worker died, its share is done again: %s", why)
        tasks, worker.tasks = list(worker.tasks.values()), {}
        for task in reversed(tasks):
            if task.tries >= _MOST_TRIES:
                self._done[task.key] = EdgedError(f"{_MOST_TRIES} workers died of it; the last: {why}")
            else:
                self._queue.appendleft(task)
        self._cluster.stop_worker(worker.actor)
        worker.actor = self._cluster.start_worker()
