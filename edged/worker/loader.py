"""Loads jobs beside the running ones, in a thread of its own.

An `init` may take a minute; what runs keeps its cadence meanwhile. The thread also closes what is no
longer needed, for the same reason. It says on its heartbeat lane what it is at.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from dataclasses import dataclass, field

from edged.algorithm.batched import try_batches
from edged.model.messages import JobSpec, Library
from edged.supervise.heartbeat import Heartbeat
from edged.worker.building import build_on
from edged.worker.chain import Chain
from edged.worker.gray import gray_window
from edged.worker.opening import Opener, OpenFailed
from edged.worker.surroundings import Surroundings

_log = logging.getLogger(__name__)

LANE = 1
"""Of the worker's heartbeat page."""
LOAD_DEADLINE_S = 120.0
"""For one ``init``."""
_CLOSE_DEADLINE_S = 30.0
_STOP_DEADLINE_S = 0.3
_LOOK_AGAIN_S = 60.0


@dataclass(frozen=True, slots=True, eq=False)
class Order:
    """A wish for the chains of one job; compared by identity."""

    job: JobSpec
    sources: tuple[str, ...]
    """Those to open; not necessarily all of the job's."""
    library: Library


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of an order: a chain for each of its sources, or why not."""

    order: Order
    chains: dict[str, Chain] = field(default_factory=dict)
    code: str = ""
    error: str = ""


class Loader:
    """Takes orders from the main thread, at most one a job; the latest of a job counts."""

    def __init__(self, heartbeat: Heartbeat, surroundings: Surroundings) -> None:
        self.wake = -1
        """An eventfd, from `start` on; readable when `take` has something."""
        self._heartbeat = heartbeat
        self._surroundings = surroundings
        self._change = threading.Condition()
        self._orders: dict[str, Order] = {}
        self._unneeded: deque[Chain] = deque()
        self._done: deque[Loaded] = deque()
        self._busy = False
        """With one of them."""
        self._stopping = False
        self._opener: Opener | None = None
        self._thread = threading.Thread(target=self._work, name="loader", daemon=True)

    def start(self) -> None:
        self.wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._thread.start()

    def stop(self) -> None:
        """Finish what is in hand, close what is to be closed, end. Leaves a hung thread behind."""
        with self._change:
            self._stopping = True
            self._orders.clear()
            self._change.notify()
        self._thread.join(_STOP_DEADLINE_S)
        if self._thread.is_alive():
            _log.warning("an algorithm is still loading or closing; not waited for")
            return
        os.close(self.wake)

    def order(self, order: Order) -> None:
        """Load it after those ordered before; an earlier order of the same job that did not begin lapses."""
        with self._change:
            self._orders.pop(order.job.name, None)
            self._orders[order.job.name] = order
            self._change.notify()

    def cancel(self, job: str) -> None:
        """Forget an order that did not begin."""
        with self._change:
            self._orders.pop(job, None)

    def close_later(self, chain: Chain) -> None:
        """Close a chain that no lane uses any more."""
        with self._change:
            self._unneeded.append(chain)
            self._change.notify()

    @property
    def is_idle(self) -> bool:
        """Nothing waits to be loaded or closed, and nothing is being."""
        with self._change:
            return not (self._orders or self._unneeded or self._busy)

    def take(self) -> Loaded | None:
        """The next order that was carried out."""
        try:
            return self._done.popleft()
        except IndexError:
            return None

    # ---- the loader's thread ----

    def _work(self) -> None:
        # Each turn is a call of its own: what was closed is not held, model and all, until the next one.
        while self._take_turn():
            self._busy = False

    def _take_turn(self) -> bool:
        """Wait for something to do, and do it. False: it is to stop."""
        with self._change:
            while not (self._orders or self._unneeded or self._stopping):
                self._change.wait(_LOOK_AGAIN_S)
            chain = self._unneeded.popleft() if self._unneeded else None
            order = None if chain or not self._orders else self._orders.pop(next(iter(self._orders)))
            self._busy = True
        if chain is not None:
            with self._heartbeat.doing("close", _CLOSE_DEADLINE_S, lane=LANE):
                chain.close()
        elif order is not None:
            self._done.append(self._load(order))
            os.eventfd_write(self.wake, 1)
        return chain is not None or order is not None

    def _load(self, order: Order) -> Loaded:
        if self._opener is None or self._opener.library != order.library:
            on_build = build_on(self._heartbeat, lane=LANE)
            self._opener = Opener(order.library, self._surroundings, on_build=on_build)
        chains: dict[str, Chain] = {}
        for source in order.sources:
            self._heartbeat.beat("load", LOAD_DEADLINE_S, lane=LANE, job=order.job.name, source=source)
            try:
                chains[source] = self._opener.open(order.job, source)
            except OpenFailed as error:
                _log.debug("job %s does not load", order.job.name, exc_info=not order.job.hidden)
                for chain in chains.values():
                    chain.close()
                return Loaded(order, code=error.code, error=str(error))
            finally:
                self._heartbeat.rest(lane=LANE)
        self._try_batches(order, chains)
        return Loaded(order, chains)

    def _try_batches(self, order: Order, chains: dict[str, Chain]) -> None:
        """A job on several cameras may put them into one run of its model, if that pays here."""
        first = next((chain.first for chain in chains.values()), None)
        if first is None or len(order.job.sources) < 2:
            return
        with self._heartbeat.doing("load", LOAD_DEADLINE_S, lane=LANE, job=order.job.name):
            try:
                prepared = first.prepare(gray_window(order.job.sampling))
                try_batches(first.session, prepared.feed)
            except Exception as error:  # noqa: BLE001 — somebody else's prepare(): each runs alone then
                _log.info("job %s: cameras do not share runs: %s", order.job.name, error)
